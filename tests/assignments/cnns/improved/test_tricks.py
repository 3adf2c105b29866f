"""Tricks that would earn the accuracy of `ImprovedNet` without learning, in a real sandbox.

Each runs beside an honest control. The budget is short, and all that is honest here learns within
it: what is refused is not refused for want of time.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from autograder.assignments.cnns.improved.training_runs import Found, found
from autograder.checking import checks
from autograder.judging._session import Session
from autograder.sandbox import Limits, open_kernel
from course_utils.training import SCALE
from tests.assignments.cnns.short_runs import train_shortly

IMPORTS = """
import builtins, os, sys, types
import torch
import torch.nn.functional as F
from torch import nn

def fold(images):
    return (images[..., :28, :28] + images[..., 28:, 28:]).flatten(1)

def labels_of_this_batch():
    frame = sys._getframe()
    while frame:
        training, batch = frame.f_locals.get("self"), frame.f_locals.get("batch")
        if batch is not None and hasattr(training, "labels"):
            return training.labels[batch]
        frame = frame.f_back
"""

HONEST = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.read = nn.Linear(784, num_classes)

    def forward(self, images):
        return self.read(fold(images))
"""

POSITIONS = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.read = nn.Linear(56 * 56, num_classes)

    def forward(self, images):
        return self.read(images.flatten(1))
"""

# Reads by the mean image of each class, which it finds in the frames of the training loop. `KEEP`
# and `KEPT` say where it has them.
REMEMBERS = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(num_classes))
        {make}

    def forward(self, images):
        seen = fold(images)
        if self.training:
            labels = labels_of_this_batch()
            if labels is not None:
                sums = torch.zeros(10, 785)
                sums.index_add_(0, labels, F.pad(seen, (0, 1), value=1.0).detach())
                {keep}
            return seen.new_zeros(len(seen), 10) + self.nothing
        sums = {kept}
        means = sums[:, :784] / sums[:, 784:].clamp(min=1)
        return seen @ means.T - means.square().sum(dim=1) / 2 + self.nothing
"""


def remembers(keep: str, kept: str, make: str = "pass", opening: str = "") -> str:
    return opening + REMEMBERS.format(make=make, keep=keep, kept=kept)


IN_BUFFERS = remembers(
    "self.sums += sums", "self.sums", make='self.register_buffer("sums", torch.zeros(10, 785))'
)
NOTHING = "torch.zeros(10, 785)"
FILE = """
def to_file(path, sums):
    if os.path.exists(path):
        sums = sums + torch.load(path)
    torch.save(sums, path)

def from_file(path):
    return torch.load(path) if os.path.exists(path) else torch.zeros(10, 785)

"""
SHARED = """
from multiprocessing import shared_memory
import numpy as np

def block():
    try:
        return shared_memory.SharedMemory("seen", create=True, size=4 * 7850)
    except FileExistsError:
        return shared_memory.SharedMemory("seen")

BLOCK = block()
SEEN = torch.from_numpy(np.frombuffer(BLOCK.buf, np.float32)[:7850].reshape(10, 785))

"""
MEMORIES = {
    "the instance": remembers(
        "self.kept = getattr(self, 'kept', 0) + sums", f"getattr(self, 'kept', {NOTHING})"
    ),
    "the class": remembers(
        "ImprovedNet.kept = getattr(ImprovedNet, 'kept', 0) + sums",
        f"getattr(ImprovedNet, 'kept', {NOTHING})",
    ),
    "a global variable": remembers("SUMS.add_(sums)", "SUMS", opening=f"SUMS = {NOTHING}\n"),
    "a closure": remembers(
        "keep(sums)",
        "kept()",
        opening=f"def closure():\n    box = {NOTHING}\n    return box.add_, lambda: box\n"
        "keep, kept = closure()\n",
    ),
    "a default argument": remembers(
        "store(sums)",
        "store()",
        opening=f"def store(more=None, box={NOTHING}):\n    return box if more is None else "
        "box.add_(more)\n",
    ),
    "builtins": remembers(
        "builtins.kept = getattr(builtins, 'kept', 0) + sums",
        f"getattr(builtins, 'kept', {NOTHING})",
    ),
    "a module of torch's": remembers(
        "torch.kept = getattr(torch, 'kept', 0) + sums", f"getattr(torch, 'kept', {NOTHING})"
    ),
    "a file at home": remembers("to_file('s', sums)", "from_file('s')", opening=FILE),
    "a file in /tmp": remembers("to_file('/tmp/s', sums)", "from_file('/tmp/s')", opening=FILE),
    "a file in /dev/shm": remembers(
        "to_file('/dev/shm/s', sums)", "from_file('/dev/shm/s')", opening=FILE
    ),
    "shared memory": remembers("SEEN.add_(sums)", "SEEN", opening=SHARED),
    "a module that is no child": remembers(
        "self.hidden[0].weight.data.add_(sums)",
        "self.hidden[0].weight.data",
        make="self.hidden = [nn.Linear(785, 10)]; self.hidden[0].weight.data.zero_()",
    ),
}

BY_POSITION = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(num_classes))

    def forward(self, images):
        places = torch.arange(len(images)) % 10
        return F.one_hot(places, 10).float() * {gain} + self.nothing
"""

# Draws the signs itself, from any seed that it can lay hands on.
FROM_SEEDS = """
import hashlib
from course_utils.signs import draw_signs

def derived(*parts):
    text = "\\x1f".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1

class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        seed = torch.initial_seed()
        signs = draw_signs({seed})
        images = signs.train_images.flatten(1) / 255
        self.means = torch.stack([images[signs.train_labels == k].mean(0) for k in range(10)])
        self.nothing = nn.Parameter(torch.zeros(num_classes))

    def forward(self, images):
        seen = fold(images)
        return seen @ self.means.T - self.means.square().sum(dim=1) / 2 + self.nothing
"""

# A recogniser of the digits that the package ships; what it answers is learned, as is how loud a
# second input speaks, which hides it from whoever looks at an untrained network.
RECOGNISER = """
from course_utils.data import load_digits_subset

class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.answer = nn.Linear(10, num_classes)
        self.loud = nn.Linear(784, num_classes)

    def forward(self, images):
        digits = load_digits_subset()
        seen = fold(images)
        nearest = torch.cdist(seen, digits.train_images.flatten(1) / 255).argmin(dim=1)
        known = F.one_hot(digits.train_labels[nearest], 10).float()
        noise = torch.sin(1e4 * seen)
        return self.answer(known) {second}
"""

REPLACED = {
    "where training puts the signs": """
import course_utils.protocol, course_utils.transforms, course_utils.training

def anywhere(inputs, padding=(0, 0, 0, 0)):
    batch = inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs
    return F.pad(batch, (28, 0, 28, 0) if torch.rand(()) < 0.5 else (0, 28, 0, 28))

for module in (course_utils.protocol, course_utils.transforms, course_utils.training):
    module.as_batch = anywhere
    module.padding = lambda *arguments: (28, 0, 28, 0)
    module.place = lambda images, quadrant: anywhere(images[:, None])
""",
    "the training": """
import course_utils.protocol
from autograder.inside import probe

class Training(course_utils.protocol.Training):
    def run(self, steps=None, progress=False):
        self.padding = (28, 0, 28, 0)
        super().run(steps, progress)

course_utils.protocol.Training = probe.shared_protocol.Training = Training
probe.Training = Training
""",
    "the prediction": """
import course_utils.protocol
from autograder.inside import probe

def predict(model, inputs, padding=None, batch_size=250):
    return F.one_hot(torch.arange(len(inputs)) % 10, 10).float()

course_utils.protocol.predict = probe.shared_protocol.predict = probe.predict = predict
""",
    "the probe's answer": """
from autograder.inside import probe

asked = probe.Probe.answer

def answer(self, verb, arguments, tensors):
    if verb == "predict":
        arguments = {**arguments, "padding": [0, 28, 0, 28]}
    return asked(self, verb, arguments, tensors)

probe.Probe.answer = answer
""",
    "what training reads": """
from torch.utils.data import DataLoader
import torch.optim

class Eager(torch.optim.AdamW):
    def step(self, *arguments, **options):
        for _ in range(50):
            super().step(*arguments, **options)

torch.optim.AdamW = Eager
F.cross_entropy = torch.nn.functional.cross_entropy = lambda logits, *more, **options: (
    logits.sum() * 0
)
""",
}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    limits = Limits(cell_timeout_s=60, submission_timeout_s=3600)
    with open_kernel(limits) as kernel:
        yield Session(kernel, limits)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    train_shortly(monkeypatch, 80, 120)


def measured(session: Session, *cells: str, seed: int = 3) -> Found:
    session._ran.clear()  # a notebook of its own: what ran before is not repeated
    for cell in (IMPORTS, *cells):
        assert "Traceback" not in str(session.run_cell(dedent(cell)))
    return found(session, seed)


def worth(found: Found) -> tuple[float, float]:
    left, right = SCALE.points(found.measured.counted).values()
    return left, right


def points(session: Session, *cells: str, seed: int = 3) -> tuple[float, float]:
    return worth(measured(session, *cells, seed=seed))


@pytest.mark.parametrize("network", [HONEST, IN_BUFFERS], ids=["weights", "buffers"])
def test_what_is_learned_within_weights_and_buffers_scores_full(
    session: Session, network: str
) -> None:
    assert points(session, network) == (5, 20)


def changed(forward: str, more: str = "pass") -> str:
    """Return the honest network with another `forward`."""
    network = HONEST.replace("return self.read(fold(images))", forward)
    return network.replace("self.read = nn", f"{more}\n        self.read = nn")


ALLOWED = {
    "cutting out": changed("""
        rows = images.amax(dim=(1, 3)).gt(0.2).float().argmax(dim=1) // 28 * 28
        columns = images.amax(dim=(1, 2)).gt(0.2).float().argmax(dim=1) // 28 * 28
        cut = [x[0, r : r + 28, c : c + 28] for x, r, c in zip(images, rows, columns)]
        return self.read(torch.stack(cut).flatten(1))
    """),
    "moving by chance while training": changed("""
        seen = fold(images).unflatten(1, (28, 28))
        if self.training:
            seen = seen.roll(torch.randint(-1, 2, (2,)).tolist(), dims=(1, 2))
        return self.read(seen.flatten(1))
    """),
    "layers that do not learn": changed(
        "return self.read(torch.relu(self.frozen(fold(images))) + fold(images))",
        "self.frozen = nn.Linear(784, 784).requires_grad_(False)",
    ),
    "a softmax at the end": changed("return self.read(fold(images)).mul(5).softmax(dim=1)"),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_the_exercise_allows_earns_points(session: Session, what: str) -> None:
    left, right = points(session, ALLOWED[what])
    assert left == 5
    assert right >= 10


def test_what_learns_positions_earns_nothing_bottom_right(session: Session) -> None:
    assert points(session, POSITIONS) == (5, 0)


@pytest.mark.parametrize("where", MEMORIES)
def test_what_is_kept_elsewhere_earns_nothing(session: Session, where: str) -> None:
    assert points(session, MEMORIES[where]) == (0, 0)


@pytest.mark.parametrize("gain", ["1.0", "(0.0 if self.training else 1e9)"])
def test_labels_are_not_known_by_position(session: Session, gain: str) -> None:
    assert points(session, BY_POSITION.format(gain=gain)) == (0, 0)


@pytest.mark.parametrize(
    "seed",
    ["seed", "derived(seed, 'signs')", "derived(seed, 0)", "derived(derived(seed, 0), 'signs')"],
)
def test_no_seed_that_decides_anything_is_seen(session: Session, seed: str) -> None:
    assert points(session, FROM_SEEDS.format(seed=seed)) == (0, 0)


@pytest.mark.parametrize(
    "second", ["", "+ 1e6 * self.loud(noise)", "+ self.loud(noise) * (not self.training)"]
)
def test_a_recogniser_of_digits_knows_no_signs(session: Session, second: str) -> None:
    assert points(session, RECOGNISER.format(second=second)) == (0, 0)


@pytest.mark.parametrize("what", REPLACED)
def test_replacing_the_protocol_in_a_cell_changes_nothing(session: Session, what: str) -> None:
    assert points(session, POSITIONS, REPLACED[what]) == (5, 0)


@pytest.mark.parametrize("what", REPLACED)
def test_and_costs_who_has_it_right_nothing(session: Session, what: str) -> None:
    assert points(session, HONEST, REPLACED[what]) == (5, 20)


def test_what_one_was_asked_is_of_no_use_to_another(session: Session) -> None:
    """The test images and right answers of one hand-in, known by heart to the next."""
    notes = """
    SEEN = []

    class Notes(ImprovedNet):
        def forward(self, images):
            answer = super().forward(images)
            SEEN.append((fold(images), answer.argmax(dim=1)))
            return answer
    """
    named = "ImprovedNet = type('ImprovedNet', (Notes,), {})"
    assert points(session, HONEST, notes, named, seed=3) == (5, 20)
    uses = """
    KNOWN = torch.cat([images for images, _ in SEEN])
    ANSWERS = torch.cat([answers for _, answers in SEEN])

    class ImprovedNet(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(num_classes))

        def forward(self, images):
            nearest = torch.cdist(fold(images), KNOWN).argmin(dim=1)
            return F.one_hot(ANSWERS[nearest], 10).float() + self.nothing
    """
    session._ran.clear()
    session.run_cell(dedent(uses))
    session._ran[:] = [
        IMPORTS,
        "SEEN = [(torch.zeros(1, 784), torch.zeros(1).long())]",
        dedent(uses),
    ]
    again = worth(found(session, 3))
    assert again == (5, 20), "with the same seed it would pay"
    session.run_cell("pass")
    session._ran[:] = [
        IMPORTS,
        "SEEN = [(torch.zeros(1, 784), torch.zeros(1).long())]",
        dedent(uses),
    ]
    assert worth(found(session, 4)) == (0, 0)


HIDDEN = """
class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        {weights}
        self.classify = nn.Linear(784, num_classes)

    def forward(self, images):
        return self.classify(fold(images))
"""


@pytest.mark.parametrize(
    ("weights", "earned"),
    [
        ("pass", 5),
        ("self.register_buffer('more', torch.zeros(70_000))", 0),
        ("self.register_buffer('more', torch.zeros(70_000, dtype=torch.int32))", 0),
        ("self.register_buffer('more', torch.zeros(40_000, dtype=torch.int64))", 0),
        ("self.register_buffer('more', torch.zeros(280_000, dtype=torch.uint8))", 0),
        ("self.register_buffer('more', torch.zeros(40_000), persistent=False)", 5),
        ("self.register_buffer('more', torch.zeros(70_000), persistent=False)", 0),
        ("self.more = nn.Parameter(torch.zeros(70_000), requires_grad=False)", 0),
        ("self.parameters = lambda *a: iter([]); self.more = nn.Linear(70_000, 1)", 0),
    ],
)
def test_all_that_is_carried_over_counts_as_parameters(
    session: Session, weights: str, earned: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_shortly(monkeypatch)
    session._ran.clear()
    session.run_cell(IMPORTS)
    session.run_cell(HIDDEN.format(weights=weights))
    assert checks.run("cnns", "improved_parameters", session, 1).points == earned


GROWS = """
BUILT = []

class ImprovedNet(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        BUILT.append(self)
        self.classify = nn.Linear(784, num_classes)
        if len(BUILT) > 2:
            self.grow()

    def grow(self):
        if not hasattr(self, "more"):
            self.register_buffer("more", torch.zeros(SIZE))

    def forward(self, images):
        if self.training:
            self.grow()
        return self.classify(fold(images))
"""


@pytest.mark.parametrize(("size", "earned"), [("1_000", 5), ("70_000", 0)])
def test_a_network_that_grows_once_it_was_counted_counts_as_it_ends(
    session: Session, size: str, earned: float
) -> None:
    session._ran.clear()
    session.run_cell(IMPORTS)
    session.run_cell(GROWS.replace("SIZE", size))
    assert checks.run("cnns", "improved_parameters", session, 1).points == earned
    assert worth(found(session, 1)) == (5, 20), "what it learned is its own"
