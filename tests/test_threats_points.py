"""No code in a hand-in changes its own points."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from autograder import checks, protocol
from autograder.challenge import generator, random_permutation, shuffled_state
from autograder.checks import cnns
from autograder.judging import VERDICT, autograded_id
from autograder.sandbox import Limits, open_kernel
from autograder.session import Session
from autograder.student import InProcess
from autograder.threats import CATALOGUE
from autograder.threats import POINTS as ATTACKS
from autograder.threats.assignment import FULL, POINTS, SOLUTIONS
from autograder.threats.attack import Attack, source
from course_utils.data import DigitSplit
from course_utils.training import TIERS, Protocol, Training
from tests.threats import judged

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
    limits = Limits(cell_timeout_s=30)
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
        from autograder import probe

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
        from autograder import wire
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


# ---------------------------------------------------------------------------------------- training

TINY = Protocol(steps=6, batch_size=16)


def tiny_digits() -> DigitSplit:
    """Forty digits of ten kinds: each has its own row of bright pixels."""
    labels = torch.arange(40) % 10
    images = torch.zeros(40, 28, 28, dtype=torch.uint8)
    images[torch.arange(40), 2 * labels + 2] = 255
    return DigitSplit(images, labels, images.clone(), labels.clone())


class Rows(nn.Module):
    """Knows each kind of digit by its row, wherever it stands, once its weights are right."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(28, num_classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        rows = images.mean(dim=(1, 3))
        return self.fc(rows[:, :28] + rows[:, 28:])


class Trained(Rows):
    """The same with weights that were trained beforehand, and stored."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        with torch.no_grad():
            self.fc.weight.zero_()
            for kind in range(10):
                self.fc.weight[kind, 2 * kind + 2] = 1000.0


class Memory(nn.Module):
    """Knows the test digits by heart, and has no weights that count."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        rows = images.mean(dim=(1, 3))
        kinds = ((rows[:, :28] + rows[:, 28:]).argmax(dim=1) - 2) // 2
        return nn.functional.one_hot(kinds.clamp(0, 9), 10) + self.nothing


def tiny_run(network: type[nn.Module], monkeypatch: pytest.MonkeyPatch) -> protocol.Run:
    monkeypatch.setattr(protocol, "GRADING", TINY)
    return protocol.run_once(InProcess({"ImprovedNet": network}), 3, tiny_digits())


def test_weights_that_are_right_would_score_full() -> None:
    digits = tiny_digits()
    training = Training(Trained(), digits.train_images, digits.train_labels, protocol=TINY)
    assert training.model is not None
    logits = Trained()(torch.nn.functional.pad(digits.test_images[:, None] / 255, (28, 0, 28, 0)))
    assert bool((logits.argmax(dim=1) == digits.test_labels).all())


def test_stored_weights_earn_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny_run(Trained, monkeypatch)
    assert run.bottom_right < TIERS[0].accuracy + 0.1  # 40 digits: a few right by chance


def test_memorised_test_digits_earn_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tiny_run(Memory, monkeypatch).bottom_right == 0


def test_no_class_keeps_its_label() -> None:
    for seed in range(200):
        permuted = random_permutation(10, generator(seed))
        assert sorted(permuted.tolist()) == list(range(10))
        assert not bool((permuted == torch.arange(10)).any())


def test_shuffling_keeps_the_distribution_and_nothing_else() -> None:
    stored = Trained().state_dict()
    shuffled = shuffled_state(stored, generator(0))
    assert torch.equal(stored["fc.weight"].sort().values.sum(), shuffled["fc.weight"].sum())
    assert not torch.equal(stored["fc.weight"], shuffled["fc.weight"])


class ClaimsLittle(nn.Module):
    """Says that it has one parameter, and has as many as it likes."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(56 * 56, 10 * num_channel)

    def named_parameters(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
        return iter([("tiny", nn.Parameter(torch.zeros(1)))])

    def parameters(self, recurse: bool = True):  # type: ignore[no-untyped-def]
        return iter([nn.Parameter(torch.zeros(1))])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(images.flatten(1))[:, :10]


class Hides(nn.Module):
    """Keeps its weights where no count finds them."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))
        self.hidden = [nn.Linear(56 * 56, 10)]

    def forward(self, images: Tensor) -> Tensor:
        return self.hidden[0](images.flatten(1)) * self.one


def test_a_lie_about_the_parameter_count_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what comes back as tensors counts, and only that reaches the network that is tested."""
    verdict = cnns.improved_parameters.judge(InProcess({"ImprovedNet": ClaimsLittle}), 1)
    claimed = verdict.points
    run = tiny_run(ClaimsLittle, monkeypatch) if claimed else protocol.Run(0.0, 0.0)
    assert run.bottom_right < TIERS[1].accuracy


def test_hidden_weights_do_not_reach_the_network_that_is_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert tiny_run(Hides, monkeypatch).bottom_right < TIERS[1].accuracy


@pytest.mark.slow
def test_weights_trained_beforehand_earn_no_more_than_fresh_ones() -> None:
    """The real protocol: a `Net` that was trained in the bottom right, its weights stored."""
    from course_utils.data import load_digits_subset

    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(SOLUTIONS["net"], namespace)
    net: type[nn.Module] = namespace["Net"]  # type: ignore[assignment]
    digits = load_digits_subset()
    torch.manual_seed(0)
    training = Training(
        net(), digits.train_images, digits.train_labels, quadrant="bottom_right", seed=0
    )
    training.run()
    weights = training.model.state_dict()

    class Stored(net):  # type: ignore[misc,valid-type]
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__(num_channel, num_classes)
            self.load_state_dict(weights)

    run = protocol.run_once(InProcess({"ImprovedNet": Stored}), 5)
    assert run.bottom_right < TIERS[0].accuracy
