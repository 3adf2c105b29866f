"""No code in a hand-in changes its own points."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from autograder.assignments.cnns.improved import training_runs
from autograder.checking import checks
from autograder.checking.challenge import generator, random_permutation, shuffled_state
from autograder.checking.student import InProcess, StudentFault
from autograder.judging._session import Session
from autograder.judging.graded_notebook import VERDICT, autograded_id
from autograder.maintain.threats import CATALOGUE
from autograder.maintain.threats import POINTS as ATTACKS
from autograder.maintain.threats.assignment import FULL, POINTS, SOLUTIONS
from autograder.maintain.threats.attack import Attack, source
from autograder.sandbox import Limits, open_kernel
from course_utils.data import DigitSplit, load_digits_subset
from course_utils.protocol import Protocol, Training, accuracy, predict
from course_utils.tiers import Accuracies, published_scale
from course_utils.training import GRADING
from course_utils.transforms import padding, place
from tests.judging.judged import judged

LEAST = published_scale().bottom_right[0].accuracy

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


# ---------------------------------------------------------------------------------------- training

# Two steps of next to nothing: what is right afterwards was right before.
NO_TRAINING = Protocol(checkpoints=(2,), batch_size=16, max_lr=1e-9)


@cache
def few_digits() -> DigitSplit:
    every = load_digits_subset()
    train, test = slice(0, 800), slice(0, 300)
    return DigitSplit(
        every.train_images[train],
        every.train_labels[train],
        every.test_images[test],
        every.test_labels[test],
    )


def templates() -> tuple[Tensor, Tensor]:
    """Return weight (10, 784) and bias (10,) that read digits by their class's mean image."""
    digits = few_digits()
    images = digits.train_images.flatten(1) / 255
    means = torch.stack([images[digits.train_labels == kind].mean(dim=0) for kind in range(10)])
    return means, -means.square().sum(dim=1) / 2


class Folded(nn.Module):
    """A linear network that lays the four quadrants over each other."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(784, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(fold(images))


def fold(images: Tensor) -> Tensor:
    rows = images[..., :28, :] + images[..., 28:, :]
    return (rows[..., :28] + rows[..., 28:]).flatten(1)


class Stored(Folded):
    """The same with weights that were found beforehand."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        with torch.no_grad():
            self.fc.weight.copy_(templates()[0])
            self.fc.bias.copy_(templates()[1])


class OutOfReach(nn.Module):
    """Knows digits from before, where shuffling does not reach, and learns their labels."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.classify = nn.Linear(10, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        known = few_digits().train_images.flatten(1) / 255
        nearest = torch.cdist(fold(images), known).argmin(dim=1)
        kinds = few_digits().train_labels[nearest]
        return self.classify(nn.functional.one_hot(kinds, 10).float())


class Memory(nn.Module):
    """Knows the test digits by heart, and has no weights that count."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        known = few_digits().test_images.flatten(1) / 255
        nearest = torch.cdist(fold(images), known).argmin(dim=1)
        return nn.functional.one_hot(few_digits().test_labels[nearest], 10) + self.nothing


def run_untrained(network: type[nn.Module], monkeypatch: pytest.MonkeyPatch) -> Accuracies:
    monkeypatch.setattr(training_runs, "GRADING", NO_TRAINING)
    return last_look(network, 3, few_digits())


def last_look(network: type[nn.Module], seed: int, digits: DigitSplit | None = None) -> Accuracies:
    """Return what the last checkpoint of a run showed."""
    *_, last = training_runs.run_looks(InProcess({"ImprovedNet": network}), seed, digits)
    return last


def test_the_stored_weights_are_good_ones() -> None:
    digits = few_digits()
    logits = Stored()(place(digits.test_images, "bottom_right"))
    assert accuracy(logits, digits.test_labels) > 0.7


def test_stored_weights_earn_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_untrained(Stored, monkeypatch).bottom_right < 0.3  # 300 digits, by chance 0.1


@pytest.mark.parametrize("network", [OutOfReach, Memory])
def test_knowledge_that_is_no_weight_is_refused(
    network: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StudentFault, match="before any training"):
        run_untrained(network, monkeypatch)


def test_an_honest_network_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(60,), max_lr=1e-2))
    run = last_look(Folded, 3, few_digits())
    assert run.bottom_right > 0.6


def test_no_class_keeps_its_label() -> None:
    for seed in range(200):
        permuted = random_permutation(10, generator(seed))
        assert sorted(permuted.tolist()) == list(range(10))
        assert not bool((permuted == torch.arange(10)).any())


def test_shuffling_keeps_the_distribution_and_nothing_else() -> None:
    stored = Stored().state_dict()["fc.weight"]
    shuffled = shuffled_state({"fc.weight": stored}, generator(0))["fc.weight"]
    assert torch.equal(stored.flatten().sort().values, shuffled.flatten().sort().values)
    assert not torch.equal(stored, shuffled)


class ClaimsLittle(nn.Module):
    """Says that it has one parameter, and has as many as it likes."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.fc = nn.Linear(784, 10 * num_channel)

    def named_parameters(self, *arguments: object, **options: object):  # type: ignore[no-untyped-def]
        return iter([("tiny", nn.Parameter(torch.zeros(1)))])

    def parameters(self, recurse: bool = True):  # type: ignore[no-untyped-def]
        return iter([nn.Parameter(torch.zeros(1))])

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(fold(images))[:, :10]


class Hides(nn.Module):
    """Keeps its weights where no count finds them."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))
        self.hidden = [nn.Linear(784, 10)]

    def forward(self, images: Tensor) -> Tensor:
        return self.hidden[0](fold(images)) * self.one


def test_a_lie_about_the_parameter_count_does_not_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not counted does not reach the network that is tested."""
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(20,), max_lr=1e-2))
    try:
        learned = last_look(ClaimsLittle, 3, few_digits()).bottom_right
    except StudentFault:
        learned = 0.0
    assert learned < LEAST


def test_hidden_weights_do_not_reach_the_network_that_is_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training_runs, "GRADING", Protocol(checkpoints=(20,), max_lr=1e-2))
    run = last_look(Hides, 3, few_digits())
    assert run.bottom_right < LEAST


@pytest.mark.slow
def test_weights_trained_in_the_bottom_right_earn_nothing() -> None:
    """The real protocol, and a `Net` that was trained in the bottom right beforehand."""
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    exec(SOLUTIONS["net"], namespace)
    digits = load_digits_subset()
    torch.manual_seed(0)
    network = namespace["Net"]()
    corner = padding("bottom_right")
    images = digits.train_images[:, None]
    training = Training(
        network, images, digits.train_labels, protocol=GRADING, padding=corner, seed=0
    )
    training.run()
    logits = predict(network, digits.test_images[:, None], corner)
    assert accuracy(logits, digits.test_labels) > 0.9
    weights = network.state_dict()

    class Trained(namespace["Net"]):  # type: ignore[misc]
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__(num_channel, num_classes)
            self.load_state_dict(weights)

    run = last_look(Trained, 5)
    assert run.bottom_right < LEAST
