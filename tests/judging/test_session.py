"""The session: runs cells, asks the probe, believes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import nbformat
import pytest
import torch

from autograder import GraderFault, StudentFault
from autograder.checking.student import call
from autograder.judging import _conversation as conversation_module
from autograder.judging._outputs import Outputs
from autograder.judging._session import Session
from autograder.sandbox import Limits, SandboxError, Usage, open_kernel

LIMITS = Limits(cell_timeout_s=60)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_kernel(LIMITS) as kernel:
        yield Session(kernel, LIMITS)


def texts(outputs: list[nbformat.NotebookNode]) -> str:
    return "".join(output.get("text", "") for output in outputs)


# ----------------------------------------------------------------------------------------- cells


def test_a_cells_outputs_are_kept_in_order(session: Session) -> None:
    outputs = session.run_cell("import sys\nprint(1)\nprint(2, file=sys.stderr)\n3")
    kinds = [(output.output_type, output.get("name")) for output in outputs]
    assert sorted(kinds, key=str) == [
        ("execute_result", None),
        ("stream", "stderr"),
        ("stream", "stdout"),
    ]
    for output in outputs:
        nbformat.validate(output, ref="output", version=4)


def test_an_error_is_shown_and_the_next_cell_runs(session: Session) -> None:
    (error,) = session.run_cell("1 / 0")
    assert error.ename == "ZeroDivisionError"
    assert texts(session.run_cell("print('on')")) == "on\n"


def test_input_is_not_waited_for(session: Session) -> None:
    outputs = session.run_cell("print([input('your name?')])")
    assert texts(outputs).startswith("['']")


def test_a_display_is_updated_in_its_own_cell(session: Session) -> None:
    outputs = session.run_cell(
        "from IPython.display import display\n"
        "handle = display({'text/plain': 'old'}, raw=True, display_id='d')\n"
        "from IPython.display import update_display\n"
        "update_display({'text/plain': 'new'}, raw=True, display_id='d')"
    )
    assert [output.data["text/plain"] for output in outputs] == ["new"]
    later = session.run_cell("update_display({'text/plain': 'x'}, raw=True, display_id='d')")
    assert later == []


def test_each_run_cell_forgets_what_checks_remembered(session: Session) -> None:
    session.memo["runs"] = 1
    before = session.version("Net")
    session.run_cell("")
    assert session.memo == {}
    assert session.version("Net") != before


# --------------------------------------------------------------------------------------- answers


def test_tensors_go_there_and_back(session: Session) -> None:
    session.run_cell("def double(x):\n    x += 1\n    return 2 * x")
    sent = torch.tensor([1.0, 2.0])
    answer, (after,) = call(session, "double", sent)
    assert answer.tolist() == [4.0, 6.0]
    assert after.tolist() == [2.0, 3.0]
    assert sent.tolist() == [1.0, 2.0]


def test_an_error_in_an_answer_names_the_students_line(session: Session) -> None:
    session.run_cell("def broken(x):\n    return x @ x.unknown")
    with pytest.raises(StudentFault, match=r"AttributeError.*`return x @ x.unknown`"):
        call(session, "broken", torch.zeros(1))


def test_what_an_answer_prints_is_dropped(session: Session) -> None:
    session.run_cell("import sys\ndef loud(x):\n    print('!' * 10**6)\n    return x")
    assert call(session, "loud", torch.ones(1))[0].tolist() == [1.0]


def test_no_answer_is_the_students_fault(session: Session) -> None:
    session.run_cell(
        "comms = get_ipython().kernel.comm_manager.comms\nserved = dict(comms)\ncomms.clear()"
    )
    with pytest.raises(StudentFault, match="gave no answer"):
        call(session, "loud", torch.ones(1))
    session.run_cell("comms.update(served)")
    assert call(session, "loud", torch.ones(1))[0].tolist() == [1.0]


def test_nothing_that_an_answer_holds_is_unpickled(session: Session) -> None:
    """A tensor of another kind, and one whose own functions are replaced, come as plain tensors."""
    session.run_cell(
        "import torch\nclass Odd(torch.Tensor):\n    pass\n"
        "def odd(x):\n    return torch.ones(2).as_subclass(Odd)"
    )
    assert type(call(session, "odd", torch.ones(1))[0]) is torch.Tensor


# ------------------------------------------------------------------------------------------ time


def test_the_judges_own_time_is_not_the_hand_ins() -> None:
    limits = replace(LIMITS, submission_timeout_s=2.0)
    with open_kernel(limits) as kernel:
        session = Session(kernel, limits)
        session.run_cell("def double(x):\n    return 2 * x")
        for _ in range(2):
            time.sleep(1.5)  # a slow check
            assert call(session, "double", torch.ones(1))[0].tolist() == [2.0]
        assert texts(session.run_cell("print('on')")) == "on\n"


def test_what_cells_and_answers_take_together_is_the_hand_ins() -> None:
    limits = replace(LIMITS, submission_timeout_s=3.0)
    with open_kernel(limits) as kernel:
        session = Session(kernel, limits)
        session.run_cell("import time\ndef slow(x):\n    time.sleep(1.2)\n    return x")
        session.run_cell("time.sleep(1.2)")
        call(session, "slow", torch.ones(1))
        with pytest.raises(StudentFault, match=r"the whole notebook took longer .* 3 seconds"):
            call(session, "slow", torch.ones(1))


# ------------------------------------------------------------------------------------------ faults


class GoneKernel:
    """A kernel that is gone, and says why."""

    def __init__(self, kernel: Any, usage: Usage) -> None:
        self.client, self.manager, self._usage = kernel.client, kernel.manager, usage

    def usage(self) -> Usage:
        return self._usage

    def kill(self) -> None:
        pass


@pytest.mark.parametrize("cause", ["machine", "closed"])
def test_a_sandbox_that_the_machine_ended_is_the_graders_fault(
    cause: Any, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = GoneKernel(session._kernel, Usage(cause=cause))
    monkeypatch.setattr(session._talk, "_kernel", gone)
    monkeypatch.setattr(conversation_module, "_POLL_S", 0.05)
    with pytest.raises(GraderFault, match="sandbox ended"):
        session.run_cell("import time; time.sleep(1)")
    assert session.end is None
    monkeypatch.undo()
    session.run_cell("")


def test_a_probe_that_does_not_start_is_the_graders_fault() -> None:
    limits = replace(LIMITS, cell_timeout_s=0.001)
    with open_kernel(limits) as kernel:
        Session(kernel, limits)  # a cell's time is not the probe's
    with open_kernel(LIMITS) as kernel, pytest.raises(GraderFault, match="did not start"):
        Session(kernel, replace(LIMITS, startup_s=0.001))


# ----------------------------------------------------------------------------------------- outputs


def message(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"msg_type": kind, "header": {"msg_type": kind}, "content": content}


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return message("stream", {"name": name, "text": text})


def shown_data(text: str, **transient: str) -> dict[str, Any]:
    data = {"text/plain": text}
    return message("display_data", {"data": data, "metadata": {}, "transient": transient})


def test_pieces_of_a_stream_become_one_output() -> None:
    outputs = Outputs(1000)
    for text in ("a", "b", "c"):
        outputs.add(stream(text))
    assert [output.text for output in outputs.shown()] == ["abc"]


def test_what_is_over_the_cap_is_cut_and_said() -> None:
    outputs = Outputs(300)
    outputs.add(stream("x" * 10_000))
    outputs.add(stream("y" * 10_000))
    assert "too long" in outputs.shown()[-1].text
    assert len(texts(outputs.shown())) < 500
    assert "y" not in texts(outputs.shown()[:1])


def test_a_picture_over_the_cap_is_left_out_whole() -> None:
    outputs = Outputs(300)
    outputs.add(shown_data("p" * 10_000))
    assert [output.output_type for output in outputs.shown()] == ["stream"]


def test_clearing_makes_room_again() -> None:
    """A picture that is drawn again and again is one picture."""
    outputs = Outputs(1000)
    for number in range(50):
        outputs.add(message("clear_output", {"wait": True}))
        outputs.add(shown_data(f"{number}" + "p" * 500))
    (last,) = outputs.shown()
    assert last.data["text/plain"].startswith("49")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"name": "stdout"},
        {"name": ["stdout"], "text": "x"},
        {"name": "stdout", "text": {"a": 1}},
        {"data": [], "metadata": {}},
        {"data": {"text/plain": 3}, "metadata": {}},
        {"data": {}, "metadata": {}, "transient": [1]},
        {"ename": 1, "evalue": None, "traceback": "x"},
    ],
)
@pytest.mark.parametrize(
    "kind", ["stream", "display_data", "execute_result", "error", "update_display_data", "other"]
)
def test_what_is_no_output_is_left_out(kind: str, content: dict[str, Any]) -> None:
    outputs = Outputs(1000)
    outputs.add(message(kind, content))
    for output in outputs.shown():
        nbformat.validate(output, ref="output", version=4)


def test_a_kernel_opened_afresh_has_run_the_cells_and_shares_nothing(session: Session) -> None:
    session.run_cell("import pathlib\nkept = [1]\ndef look(x):\n    return x + len(kept)")
    session.run_cell("pathlib.Path('note').write_text('a note')")
    with session.afresh() as apart:
        assert call(apart, "look", torch.zeros(1))[0].tolist() == [1.0]
        session.run_cell("kept.append(2); pathlib.Path('other').write_text('another')")
        assert call(apart, "look", torch.zeros(1))[0].tolist() == [1.0]
        apart.run_cell("def look(x):\n    return x + pathlib.Path('other').exists()")
        assert call(apart, "look", torch.zeros(1))[0].tolist() == [0.0]
    assert call(session, "look", torch.zeros(1))[0].tolist() == [2.0]


def test_what_a_kernel_opened_afresh_uses_counts_with_the_hand_ins(session: Session) -> None:
    before = session.usage().cpu_s
    session.run_cell(
        "import time\ndef work(x):\n    end = time.process_time() + 0.5\n    "
        "while time.process_time() < end: pass\n    return x"
    )
    with session.afresh() as apart:
        call(apart, "work", torch.zeros(1))
    assert session.usage().cpu_s > before + 0.5
    assert session.asked_cpu_s["call"] > 0.4


def test_two_kernels_share_the_memory_of_one_hand_in() -> None:
    limits = replace(LIMITS, memory_bytes=3 * 2**30)
    with open_kernel(limits) as kernel:
        session = Session(kernel, limits)
        session.run_cell("import numpy, time\nheld = numpy.ones(2**27)\ntime.sleep(0.5)")  # 1 GiB
        with session.afresh() as apart:
            assert 2**30 <= apart._limits.memory_bytes < 2.1 * 2**30
            assert apart.end is None


def test_a_kernel_that_ended_cannot_be_opened_afresh() -> None:
    with open_kernel(LIMITS) as kernel:
        session = Session(kernel, LIMITS)
        session.run_cell("import os\nos._exit(1)")
        with pytest.raises(StudentFault, match="the kernel died"), session.afresh():
            pass


def test_a_machine_that_cannot_open_another_kernel_is_the_graders_fault() -> None:
    def fails(limits: Limits) -> object:
        raise SandboxError("no room")

    with open_kernel(LIMITS) as kernel:
        session = Session(kernel, LIMITS, open_kernel=fails)
        with pytest.raises(GraderFault, match="no room"), session.afresh():
            pass


def test_a_cell_that_fails_again_changes_nothing(session: Session) -> None:
    session.run_cell("def late(x):\n    return x")
    session.run_cell("1 / 0")
    with session.afresh() as apart:
        assert call(apart, "late", torch.ones(1))[0].tolist() == [1.0]


def test_figures_are_drawn_once(session: Session) -> None:
    cell = "from matplotlib import pyplot\npyplot.plot([1, 2])\npyplot.show()"
    assert "image/jpeg" in str(session.run_cell(cell))
    with session.afresh() as apart:
        assert "image/" not in str(apart.run_cell(cell))
