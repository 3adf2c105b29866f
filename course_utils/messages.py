"""What a visible check tells the student: an HTML box in Jupyter, the same words in a terminal."""

import contextlib
import html
import io
import re
import site
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import torch

from course_utils.error_hints import hint


class Status(Enum):
    """How a check went: symbol, word, colour. The symbol and the word say it without the colour."""

    GOOD = ("✓", "Looks right", "#1a7f37")
    LOOK = ("!", "Worth a look", "#8a5a00")
    TODO = ("…", "Not implemented yet", "#8a5a00")
    WRONG = ("✗", "Not right yet", "#b3261e")


@dataclass(frozen=True)
class Message:
    """A check's outcome. In `title` and `details`, `backticks` mark code.

    Attributes:
        status: how it went.
        title: what was checked.
        details: one sentence or two each.
        code: lines shown as they are, such as the student's own.
    """

    status: Status
    title: str
    details: tuple[str, ...] = ()
    code: str = ""


class WrongAnswer(Exception):
    """Raised within a check, with the sentences that the student shall read."""

    def __init__(self, *details: str) -> None:
        super().__init__(*details)
        self.details = details


def run_check(name: str, check: Callable[[], Message]) -> None:
    """Show the message of a check that calls student code, whatever that code does.

    The student's random state stays as it is, and what the code prints goes into the box.
    """
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        torch.random.fork_rng(devices=[]),
        torch.no_grad(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            # Not torch.manual_seed, which would reseed the student's GPU as well.
            torch.default_generator.manual_seed(0)
            message = check()
        except WrongAnswer as wrong:
            message = Message(Status.WRONG, name, wrong.details)
        except (Exception, SystemExit) as error:
            message = explain(name, error)
    output = printed.getvalue().strip()
    if output:
        output = output if len(output) <= 400 else output[:400] + " ..."
        code = "\n".join(part for part in (message.code, "Your code printed:", output) if part)
        message = Message(message.status, message.title, message.details, code)
    show(message)


def explain(name: str, error: BaseException) -> Message:
    """Return the message for an exception of the student's code, with the student's own line."""
    own = _own_line(error)
    if isinstance(error, NotImplementedError):
        # PyTorch raises this type too, where an operation is missing on a device, with many words.
        if own and ("raise NotImplementedError" in own or not str(error)):
            return Message(
                Status.TODO, name, ("Write your solution in the cell above, then run both.",)
            )
        if "forward" in str(error):
            detail = (
                "The class has no method `forward(self, x)` yet. Is it indented within the class?"
            )
            return Message(Status.TODO, name, (detail,))
    words = str(error).strip().split("\n")[0][:300]
    details = [f"Your code stops with {type(error).__name__}{': ' + words if words else ''}"]
    advice = hint(words, name)
    return Message(Status.WRONG, name, (*details, advice) if advice else tuple(details), own)


def _own_line(error: BaseException) -> str:
    """Return the last line of the student's own code in the error's traceback, or nothing."""
    foreign = [sysconfig.get_path("stdlib"), *site.getsitepackages(), str(Path(__file__).parent)]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        library = "-packages" in frame.filename or frame.filename.startswith("<frozen")
        if not library and not frame.filename.startswith(tuple(foreign)):
            return f"{frame.name}, line {frame.lineno}: {frame.line or ''}".rstrip(": ")
    return ""


def show(message: Message) -> None:
    """Display the message: HTML and text in Jupyter, text elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        encoding = sys.stdout.encoding or "utf-8"  # a console may not know the symbols
        print(as_text(message).encode(encoding, "replace").decode(encoding), flush=True)
    else:
        from IPython.display import display

        data = {"text/html": as_html(message), "text/plain": as_text(message)}
        display(data, raw=True)


def as_text(message: Message) -> str:
    """Return the message in plain text, a detail a line."""
    symbol, word, _ = message.status.value
    lines = [f"{symbol} {word}: {message.title}", *message.details, *message.code.splitlines()]
    return "\n    ".join(lines)


def as_html(message: Message) -> str:
    """Return the message as one HTML element, legible on light and on dark pages."""
    symbol, word, colour = message.status.value
    badge = (
        f"background:{colour};color:#fff;border-radius:4px;padding:2px 8px;margin-right:8px;"
        "font-weight:600;white-space:nowrap"
    )
    # The page's own text colour on a tint of the status: both themes keep their contrast.
    box = (
        f"border:1px solid {colour};border-left:6px solid {colour};border-radius:4px;"
        f"background:{colour}1a;padding:8px 12px;margin:4px 0;max-width:52em;line-height:1.5;"
        "color:inherit;font-family:system-ui,sans-serif;font-size:14px"
    )
    details = "".join(
        f'<div style="margin-top:6px">{_inline(line)}</div>' for line in message.details
    )
    code = ""
    if message.code:
        code = (
            '<pre style="margin:6px 0 0;padding:4px 8px;white-space:pre-wrap;color:inherit;'
            f'background:{colour}1a;font-size:13px">{html.escape(message.code)}</pre>'
        )
    return (
        f'<div role="status" style="{box}"><span style="{badge}">'
        f'<span aria-hidden="true">{symbol}</span> {word}</span>'
        f"<strong>{_inline(message.title)}</strong>{details}{code}</div>"
    )


def _inline(text: str) -> str:
    return re.sub(
        "`([^`]+)`",
        r'<code style="color:inherit;background:transparent">\1</code>',
        html.escape(text),
    )
