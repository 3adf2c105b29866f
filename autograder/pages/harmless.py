"""Pure: HTML in which nothing runs, nothing is loaded, and nothing covers the page around it.

What is cleaned is HTML as it goes into a page, after any renderer, by a parser that reads it as
browsers do. What comes out has one form: each tag whole, each attribute in double quotes, each `<`
of the text escaped. So what is done to it afterwards may look at it tag by tag.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from html import escape, unescape
from urllib.parse import unquote

import nh3

MAX_HTML_CHARS = 200_000  # no honest cell shows more
MAX_TAGS = 20_000  # opened, in one text
MAX_DEPTH = 60  # tags within tags: a parser's time grows with the square of it
_MAX_ADDRESS_CHARS = 300

Attachments = Mapping[str, Mapping[str, str]]

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del"),
    *("details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "samp", "small", "span", "strong", "sub"),
    *("summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_EMPTY_TAGS = {"br", "col", "hr", "img"}
_ATTRIBUTES = {
    "*": {"style", "title", "role", "aria-hidden"},
    "a": {"href"},
    "col": {"span"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_WORDS = {"role": "status", "aria-hidden": "true"}
_NUMBERS = {"colspan", "height", "rowspan", "span", "start", "width"}
_NUMBER = re.compile(r"\d{1,4}")
_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_BITMAP = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
_BITMAPS = ("image/png", "image/jpeg", "image/gif")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_ATTACHMENT = "attachment:"

# What a style may say: nothing that loads, moves something away, or makes it larger than a page.
_LENGTH = r"(?:0|\d{1,3}(?:\.\d{1,6})?(?:px|pt)|\d{1,2}(?:\.\d{1,6})?(?:em|rem|ex|%)|100%)"
_COLOUR = r"(?:#[0-9a-f]{3,8}|[a-z]{3,24}|rgba?\([\d\s.,%/]{5,40}\))"
_LINE = r"(?:none|solid|dashed|dotted|double|hidden)"
_EDGE = f"(?:{_LENGTH}|{_LINE}|{_COLOUR})"
_FAMILY = r"(?:system-ui|monospace|serif|sans-serif)"
_SIDES = f"{_LENGTH}(?: {_LENGTH}){{0,3}}"
_BORDER = f"{_EDGE}(?: {_EDGE}){{0,2}}"
_STYLES = {
    "text-align": r"left|right|center|justify|start|end",
    "vertical-align": r"top|middle|bottom|baseline",
    "font-size": r"\d{1,2}(?:\.\d{1,6})?(?:px|pt)|[0-2](?:\.\d{1,6})?r?em|[1-9]\d{1,2}%"
    r"|(?:x-)?small|(?:x-)?large|medium|smaller|larger",
    "font-weight": r"normal|bold|bolder|lighter|[1-9]00",
    "font-style": r"normal|italic|oblique",
    "font-family": f"{_FAMILY}(?:, ?{_FAMILY})*",
    "line-height": r"[12](?:\.\d{1,2})?",
    "text-decoration": r"none|underline|line-through",
    "white-space": r"normal|pre|pre-wrap|nowrap",
    "color": _COLOUR,
    "background": _COLOUR,
    "background-color": _COLOUR,
    "border-collapse": r"collapse|separate",
    "border-radius": _SIDES,
    "max-width": _LENGTH,
    "width": _LENGTH,
    **{
        f"{kind}{side}": _SIDES
        for kind in ("padding", "margin")
        for side in ("", "-top", "-right", "-bottom", "-left")
    },
    **{f"border{side}": _BORDER for side in ("", "-top", "-right", "-bottom", "-left")},
}
_STYLE = {name: re.compile(value) for name, value in _STYLES.items()}

# The next one of these closes the last one, so that many of them are not nested.
_CLOSED_BY_THE_NEXT = {"p", "li", "dt", "dd", "tr", "td", "th", "tbody", "thead"}
_MAX_STYLE_CHARS = 1_000

_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")*)>')  # in what was cleaned
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*)"')
_ANY_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")  # in what nobody has looked at


class TooMuch(Exception):
    """HTML that is too long, or nested too deep, to be shown; the text says which."""


def clean(html: str, attachments: Attachments | None = None) -> str:
    """Return HTML of anybody's, harmless in any page.

    Links become their text and their address. Pictures stay where they are PNG, JPEG or GIF and
    come along, in the HTML itself or attached; of others the address is shown.

    Args:
        html: at most `MAX_HTML_CHARS` characters, attached pictures not counted.
        attachments: name -> kind -> base64, as a notebook's cell has them.

    Raises:
        TooMuch: it is longer, or nested too deep.
    """
    if len(html) > MAX_HTML_CHARS:
        raise TooMuch("HTML of this size is not shown")
    _check_depth(html)
    return _told(_CLEANER.clean(html), attachments or {})


def _check_depth(html: str) -> None:
    """Raise TooMuch for what takes a parser long: the square of how deep tags are nested.

    A tag counts as open until one of its own kind is closed, wherever that stands. So this is
    rough, and `MAX_TAGS` bounds what passes by it; what comes out is looked at once more.
    """
    opened: Counter[str] = Counter()
    tags = depth = 0
    for match in _ANY_TAG.finditer(html):
        closing, tag = match[1], match[2].lower()
        tags += 1
        if tag in _EMPTY_TAGS or tag in _CLOSED_BY_THE_NEXT:
            continue
        if not closing:
            opened[tag] += 1
            depth += 1
        elif opened[tag]:
            opened[tag] -= 1
            depth -= 1
        if depth > MAX_DEPTH or tags > MAX_TAGS:
            raise TooMuch("HTML of this depth, or of so many tags, is not shown")


def _kept(tag: str, name: str, value: str) -> str | None:
    """Return what an attribute may say; None for nothing."""
    if name == "style":
        return _kept_style(value)
    if name == "href":
        return value if _LINK.match(value) else None
    if name in _WORDS:
        return value if value == _WORDS[name] else None
    if name in _NUMBERS:
        return value if _NUMBER.fullmatch(value) else None
    return value


def _kept_style(value: str) -> str | None:
    kept = []
    for declaration in value[:_MAX_STYLE_CHARS].lower().split(";"):
        name, _, says = (part.strip() for part in declaration.partition(":"))
        if name in _STYLE and _STYLE[name].fullmatch(says):
            kept.append(f"{name}: {says}")
    return "; ".join(kept) or None


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_kept,
    url_schemes={"http", "https", "mailto", "data", _ATTACHMENT.rstrip(":")},
    link_rel=None,
)


def _told(html: str, attachments: Attachments) -> str:
    """Return cleaned HTML in which no tag has an address, but for bitmaps.

    Raises:
        TooMuch: it is nested too deep.
    """
    room = 2 * sum(len(data) for kinds in attachments.values() for data in kinds.values())
    parts: list[str] = []
    links: list[tuple[int, str]] = []  # where the text of a link begins, and what it leads to
    done = depth = 0
    for match in _TAG.finditer(html):
        parts.append(html[done : match.start()])
        done = match.end()
        closing, tag = match[1], match[2]
        attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[3])}
        if tag == "a" and not closing:
            links.append((len(parts), attributes.get("href", "")))
        elif tag == "a":
            start, address = links.pop()
            parts.append(_address(_TAG.sub("", "".join(parts[start:])), address))
        elif tag == "img":
            shown = _picture(match[0], attributes, attachments if room > 0 else {})
            room -= len(shown)
            parts.append(shown)
        else:
            parts.append(match[0])
        if tag not in _EMPTY_TAGS:
            depth += -1 if closing else 1
        if depth > MAX_DEPTH:
            raise TooMuch("HTML of this depth is not shown")
    return "".join([*parts, html[done:]])


def _address(shown: str, address: str) -> str:
    """Return what to add to the text of a link: its address, unless the text is that."""
    if not address or unescape(shown).strip() in (address, address.removeprefix("mailto:")):
        return ""
    return f" ({_shortened(address)})"


def _picture(tag: str, attributes: Mapping[str, str], attachments: Attachments) -> str:
    """Return a picture's tag if its data are in it, or attached; else words in its place."""
    source = attributes.get("src", "")
    if _BITMAP.fullmatch(source):
        return tag
    about = f" {escape(attributes['alt'], quote=False)}" if attributes.get("alt") else ""
    if source.startswith(_ATTACHMENT):
        name = source.removeprefix(_ATTACHMENT)
        found = attachments.get(name) or attachments.get(unquote(name)) or {}
        for mime in _BITMAPS:
            data = found.get(mime)
            if data is not None and _BASE64.fullmatch(data):
                return _with_data(attributes, mime, data)
        return f"(The picture{about} is not attached: {_shortened(name)})"
    where = f": {_shortened(source)}" if source and not source.startswith("data:") else ""
    return f"(A picture{about} that is not shown{where})"


def _with_data(attributes: Mapping[str, str], mime: str, data: str) -> str:
    sizes = "".join(f' {n}="{attributes[n]}"' for n in ("width", "height") if n in attributes)
    alt = escape(attributes.get("alt", ""))
    return f'<img src="data:{mime};base64,{"".join(data.split())}" alt="{alt}"{sizes}>'


def _shortened(address: str) -> str:
    cut = len(address) > _MAX_ADDRESS_CHARS
    return escape(address[:_MAX_ADDRESS_CHARS], quote=False) + ("..." if cut else "")
