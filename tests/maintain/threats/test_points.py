"""No code in a hand-in changes its own points."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.checking import checks
from autograder.judging._session import Session
from autograder.judging.graded_notebook import VERDICT, autograded_id
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats import POINTS as ATTACKS
from autograder.maintain.threats.assignment import FULL, POINTS, SOLUTIONS
from autograder.maintain.threats.attack import Attack, source
from autograder.sandbox import Limits, open_kernel
from tests.judging.judged import judged

# These leave the kernel as it was, so that one serves them all, and the honest control after them.
IN_ONE_KERNEL = (
    "agreeable-objects",
    "last-input",
    "call-stack",
    "garbage-collector",
    "file-system",
    "score-line-in-a-grade-cell",
    "displayhook",
)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    limits = Limits(cell_timeout_s=60)
    with open_kernel(limits) as kernel:
        session = Session(kernel, limits)
        session.run_cell("import torch\nimport torch.nn.functional as F\nfrom torch import nn")
        yield session


def points_in(session: Session, attack: Attack) -> dict[str, float]:
    for cell in (attack.opening, *attack.answers.values()):
        session.run_cell(cell)
    points = {g: checks.run("cnns", g, session, 1).points for g in POINTS}
    session.run_cell("conv_pool_conv = Net = None")
    return points


@pytest.mark.parametrize("name", IN_ONE_KERNEL)
def test_a_trick_in_the_answer_earns_nothing(name: str, session: Session) -> None:
    assert points_in(session, CATALOGUE[name]) == dict.fromkeys(POINTS, 0.0)


def test_after_all_of_them_an_honest_answer_scores_full(session: Session) -> None:
    assert session.end is None
    assert points_in(session, CATALOGUE["honest"]) == POINTS


@pytest.mark.parametrize("name", [a.name for a in ATTACKS if a.name not in IN_ONE_KERNEL])
def test_taking_over_the_kernel_earns_nothing(name: str) -> None:
    result = judged(name)
    assert result.points == dict.fromkeys(POINTS, 0.0)
    assert result.left == []


def test_the_honest_control_scores_full() -> None:
    assert judged("honest").points == POINTS


def test_patching_everything_around_a_right_answer_costs_nothing() -> None:
    comparisons = CATALOGUE["torch-comparisons"].opening
    assert judged(Attack("patched", "", SOLUTIONS, opening=comparisons)).total == FULL


def test_a_forged_verdict_stays_in_the_cell_that_shows_it() -> None:
    notebook = judged("score-line").notebook
    for cell in notebook.cells:
        if cell.cell_type == "code" and autograded_id(cell) is None:
            assert all(VERDICT not in output.get("data", {}) for output in cell.outputs)
    graded = [cell for cell in notebook.cells if autograded_id(cell)]
    assert [cell.outputs[1].data["text/plain"] for cell in graded] == ["0.0"] * len(POINTS)


def test_updates_do_not_reach_a_grade_cells_output() -> None:
    """A thread goes on forging while the judge writes."""
    opening = source("""
        import threading, time
        from IPython.display import clear_output, display, update_display
        display({"text/plain": "mine"}, raw=True, display_id="verdict")

        def forge():
            while True:
                update_display({"text/plain": "15.0"}, raw=True, display_id="verdict")
                display({"text/plain": "15.0"}, raw=True, display_id="verdict")
                clear_output()
                time.sleep(0.01)

        threading.Thread(target=forge, daemon=True).start()
    """)
    result = judged(Attack("thread", "", {"conv_pool_conv": "0"}, opening=opening))
    assert result.total == 0
    graded = [cell for cell in result.notebook.cells if autograded_id(cell)]
    for cell in graded:
        assert [output.output_type for output in cell.outputs] == ["display_data", "execute_result"]
        assert cell.outputs[1].data == {"text/plain": "0.0"}


def test_a_probe_that_answers_with_the_question_earns_nothing() -> None:
    opening = source("""
        from autograder.inside import probe

        def echo(self, verb, arguments, tensors):
            first = next(iter(tensors.values()), torch.zeros(1))
            parameters = [{"name": "w", "shape": [66106], "owner": ""}]
            return ({"parameters": parameters, "buffers": [], "names": []},
                    {"output": first, "logits": first, "after.0": first, "after.1": first})

        probe.Probe.answer = echo
    """)
    result = judged(Attack("echo", "", opening=opening))
    assert result.points["conv_pool_conv_values"] == result.points["net_function"] == 0
    # What it claims of its parameters is one number: not one layer is right.
    assert result.points["net_parameters"] <= 1


@pytest.mark.parametrize(
    "answer",
    [
        "b''",
        "bytes(100)",
        "(2**40).to_bytes(8, 'little') + bytes(10)",
        "b'\\xff' * 1000",
        "(12).to_bytes(8, 'little') + b'[[[[[[[[[[[['",
        "bytes(20_000_000)",
        "wire.encode({'error': [1, {}]}, {})",
        "wire.encode({'parameters': {'a': 1}}, {})",
        "wire.encode({'parameters': [{'name': 'w', 'shape': [10**400], 'owner': ''}]}, {})",
        "wire.encode({'parameters': [{'name': 'w', 'shape': [-1, 5], 'owner': ''}] * 9}, {})",
        "wire.encode({'parameters': [], 'names': [1]}, {'output': torch.full((1, 13, 13), nan)})",
    ],
)
def test_a_malformed_answer_is_the_students_fault(answer: str, session: Session) -> None:
    session.run_cell(
        source(f"""
        from math import nan
        from autograder.inside import wire
        kernel = get_ipython().kernel

        def forge():
            kernel.session.send(
                kernel.iopub_socket, "comm_msg", {{"comm_id": "autograder-probe", "data": {{}}}},
                parent=kernel.get_parent("shell"), buffers=[{answer}])

        def conv_pool_conv(image, kernel):
            forge()

        class Net(nn.Module):
            def __init__(self, *arguments, **options):
                forge()
        """)
    )
    points = [checks.run("cnns", g, session, 1).points for g in POINTS]
    assert session.end is None
    assert points == [0.0] * len(POINTS)


@pytest.mark.parametrize(
    "forged",
    [
        "(b'[1]', b'{}')",
        "(b'null', b'[]')",
        "(parent, b'[1]')",
        "(parent, b'{\"execution_state\": [1]}')",
        '(parent, b\'{"name": "stdout", "text": ["\\\\ud800"]}\')',
        '(parent, b\'{"data": {"text/html": ["<b>"]}, "metadata": {}}\')',
        "(parent, b'[' * 100000)",
        "(parent, b'{\"data\":' * 900 + b'1' + b'}' * 900)",
    ],
)
@pytest.mark.parametrize("kind", ["status", "stream", "display_data", "error", "comm_msg"])
def test_a_malformed_message_is_dropped(forged: str, kind: str, session: Session) -> None:
    outputs = session.run_cell(
        source(f"""
        import json
        kernel = get_ipython().kernel
        parent = json.dumps(kernel.get_parent("shell")["header"], default=str).encode()
        header = json.dumps(kernel.session.msg_header({kind!r}), default=str).encode()
        above, content = {forged}
        frames = [header, above, b"{{}}", content]
        signed = [b"<IDS|MSG>", kernel.session.sign(frames), *frames]
        kernel.iopub_thread.send_multipart(signed)
        print("went on")
        """)
    )
    assert session.end is None
    assert "went on" in str(outputs)
    str(outputs).encode("utf-8")
