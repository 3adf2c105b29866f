"""Does the judge recognise every right `Net`, and name what is wrong with the others?"""

from __future__ import annotations

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.assignments.cnns.net.recognise import examine
from autograder.assignments.cnns.net.reference import LAYERS
from autograder.checking import checks
from autograder.checking.check_result import CheckResult
from course_utils import checks as visible
from tests.assignments.cnns.mutants import CHAINS, NET
from tests.assignments.cnns.mutants import NETS as MUTANTS
from tests.assignments.cnns.rewrites import IMPROVED
from tests.assignments.cnns.rewrites import NETS as REWRITES
from tests.assignments.cnns.short_runs import train_shortly
from tests.checking.forged import Wired

CHECKS = ("net_shape", "net_parameters", "net_function")
SLOW_TO_START = ("torch.compile", "traced by torch.jit", "compiled by torch.jit.script")


def student(source: str) -> Wired:
    """Return a student whose notebook holds this source."""
    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": F}
    exec(source, namespace)
    return Wired(namespace)


def judge(source: str, grade_id: str, seed: int = 0) -> CheckResult:
    """Return the verdict of one check on one source."""
    return checks.run("cnns", grade_id, student(source), seed)


def ids(items: tuple[object, ...]) -> list[str]:
    """Return the names of rewrites or mutants."""
    return [item.name for item in items]  # type: ignore[attr-defined]


@pytest.mark.parametrize("rewrite", REWRITES, ids=ids(REWRITES))
def test_every_right_network_scores_full_however_it_is_written(rewrite):
    asked = student(rewrite.source)
    for grade_id in CHECKS:
        result = checks.run("cnns", grade_id, asked, 3)
        assert result.points == result.max_points, (result.advice, result.criteria)
        assert (result.advice, result.mistakes) == ("", ())


QUICK = tuple(rewrite for rewrite in REWRITES if rewrite.name not in SLOW_TO_START)


@pytest.mark.parametrize("rewrite", QUICK, ids=ids(QUICK))
def test_the_visible_check_says_the_same_of_every_right_network(rewrite, capsys):
    namespace: dict[str, object] = {"torch": torch, "nn": nn, "F": F}
    exec(rewrite.source, namespace)
    visible.check_net(namespace["Net"])
    assert "Looks right: Net" in capsys.readouterr().out


@pytest.mark.parametrize("rewrite", IMPROVED, ids=ids(IMPROVED))
def test_the_cheap_checks_of_improved_networks_score_full(rewrite, monkeypatch):
    train_shortly(monkeypatch)
    for grade_id in ("improved_shape", "improved_parameters"):
        result = judge(rewrite.source, grade_id)
        assert result.points == result.max_points


@pytest.mark.parametrize("mutant", MUTANTS, ids=ids(MUTANTS))
def test_every_wrong_network_loses_points_and_hears_why(mutant):
    results = [judge(mutant.source, grade_id, 3) for grade_id in CHECKS]
    assert results[-1].points < results[-1].max_points
    assert any(
        mutant.key == next(iter(r.mistakes), "") and mutant.words in r.advice for r in results
    ), [(r.mistakes, r.advice) for r in results]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("change", [("# 1", "conv1"), ("# 2", "conv2")])
def test_a_missing_relu_shows_whatever_the_seed(seed, change):
    mark, layer = change
    result = judge(NET.replace(f"x = F.relu(x)  {mark}", "pass"), "net_function", seed)
    assert result.mistakes[0] == f"{layer}-missing-relu"


@settings(max_examples=12, deadline=None)
@given(
    rewrite=st.sampled_from([r for r in REWRITES if r.name not in SLOW_TO_START]),
    num_channel=st.sampled_from([1, 2, 3, 6, 16]),
    num_classes=st.sampled_from([1, 2, 3, 5, 10, 12]),
    seed=st.integers(0, 1000),
)
def test_right_networks_of_any_size_are_recognised(rewrite, num_channel, num_classes, seed):
    sizes = {"num_channel": num_channel, "num_classes": num_classes}
    finding = examine(student(rewrite.source), seed, sizes)
    assert finding.right, finding.advice


@settings(max_examples=12, deadline=None)
@given(
    num_channel=st.sampled_from([4, 6, 16]),
    num_classes=st.sampled_from([2, 5, 12]),
    seed=st.integers(0, 1000),
    layer=st.sampled_from(["fc1", "fc2"]),
)
def test_a_missing_relu_is_named_at_any_size(num_channel, num_classes, seed, layer):
    source = NET.replace(f"F.relu(self.{layer}(x))", f"self.{layer}(x)")
    sizes = {"num_channel": num_channel, "num_classes": num_classes}
    finding = examine(student(source), seed, sizes)
    assert [m.name for m in finding.mistakes] == [f"{layer}-missing-relu"]
    assert finding.right_parts == set(LAYERS) - {layer}


@settings(max_examples=10, deadline=None)
@given(name=st.sampled_from([m.name for m in MUTANTS if "-" in m.key]), seed=st.integers(0, 1000))
def test_names_do_not_depend_on_the_seed(name, seed):
    mutant = next(m for m in MUTANTS if m.name == name)
    assert judge(mutant.source, "net_function", seed).mistakes[0] == mutant.key


GARBAGE = {
    "zeros": "return torch.zeros(len(images), self.k)",
    "a constant": "return torch.ones(len(images), self.k) * 0.3",
    "noise": "return torch.randn(len(images), self.k)",
    "nan": "return torch.full((len(images), self.k), float('nan'))",
    "inf": "return torch.full((len(images), self.k), float('inf'))",
    "pixels": "return images.flatten(1)[:, : self.k]",
    "nothing": "return None",
    "words": "return 'logits'",
    "one number": "return images.sum()",
    "complex": "return torch.zeros(len(images), self.k, dtype=torch.complex64)",
    "integers": "return torch.zeros(len(images), self.k, dtype=torch.int64)",
    "sparse": "return torch.zeros(len(images), self.k).to_sparse()",
    "meta": "return torch.zeros(len(images), self.k, device='meta')",
    "other shapes each time": "self.n += 1; return torch.rand(len(images), self.n)",
    "an error": "raise ValueError('\\x1b[31m\\ud800 no')",
    "exit": "raise SystemExit",
    "an error without text": "raise Bad()",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_from_right_layers_earns_nothing(body):
    source = NET.replace("x = self.conv1(images)", body).replace(
        "c = num_channel", "c, self.k, self.n = num_channel, num_classes, 0"
    )
    source = "class Bad(Exception):\n    def __str__(self):\n        raise OSError\n" + source
    result = judge(source, "net_function")
    assert result.points == 0
    assert result.advice


@pytest.mark.parametrize(
    "source",
    [
        "Net = 3",
        "Net = None",
        "def Net(num_channel=8, num_classes=10): return 3",
        "class Net(nn.Module): pass",
        "class Net:\n    def __init__(self, *args): raise NotImplementedError",
        "class Net(nn.Module):\n    def __init__(self, num_channel=8, num_classes=10):\n"
        "        self.fc = nn.Linear(2, 2)",
        "class Net(nn.Module):\n    def __init__(self, num_channel=8, num_classes=10):\n"
        "        super().__init__(); self.fc = nn.Linear(3136, num_classes)\n"
        "    def forward(self, x): return self.fc(x.flatten(1))",
        "class Net(nn.Module):\n    def __init__(self, num_channel=8, num_classes=10):\n"
        "        super().__init__(); self.p = nn.Parameter(torch.zeros(0, 3))\n"
        "    def forward(self, x): return x",
        "",
    ],
)
def test_what_is_no_network_earns_nothing_and_hears_why(source):
    for grade_id in ("net_parameters", "net_function"):
        result = judge(source, grade_id)
        assert result.points == 0
        assert result.advice


def test_mistakes_cost_their_layer_and_no_more():
    one = judge(NET.replace("F.relu(self.fc1(x))", "self.fc1(x)"), "net_function")
    lost = [c.name for c in one.criteria if c.earned < c.points]
    assert lost == ["fc1 and what follows it", "the same for Net(num_channel=5, num_classes=7)"]
    assert one.points == 16.6


_NO_BIAS = "num_classes, bias=False)\n\n"
_FIRST, _LAST = "x = self.conv1(images)", "return self.fc3(x)"
_SLIPS = {
    "normalised": {_FIRST: "x = self.conv1((images - 0.1307) / 0.3081)"},
    "less a half": {_FIRST: "x = self.conv1(images - 0.5)"},
    "no name for it": {_FIRST: "x = self.conv1(images.sqrt() + 0.1)"},
    "clamped": {_FIRST: "x = self.conv1(images).clamp(-0.2, 0.3)"},
    "abs": {"x = F.relu(x)  # 1": "x = x.abs()"},
    "sin": {"x = F.relu(x)  # 1": "x = x.sin()"},
    "sin after conv2": {"x = F.relu(x)  # 2": "x = x.sin()"},
    "pooling": {"F.max_pool2d(x, 2)  # 1": "F.max_pool2d(x, 3, 2, 1)"},
    "pooled by the norm": {"F.max_pool2d(x, 2)  # 2": "F.lp_pool2d(x, 3.0, 2)"},
    "dilated": {"c, 2 * c, 5": "c, 2 * c, 5, dilation=2", "11 * 11": "9 * 9"},
    "dilated by 3": {"c, 2 * c, 5": "c, 2 * c, 5, dilation=3", "11 * 11": "7 * 7"},
    "replicated rim": {
        "c, 2 * c, 5": "c, 2 * c, 5, padding=2, padding_mode='replicate'",
        "11 * 11": "13 * 13",
    },
    "a cosine between": {"F.relu(self.fc1(x))": "F.relu(self.fc1(x)).cos()"},
    "tripled": {_LAST: "return 3 * self.fc3(x)"},
    "zeros at the end": {_LAST: "return 0 * self.fc3(x)"},
    "ones for pixels": {_FIRST: "x = self.conv1(F.normalize(images + 1, dim=1))"},
    "sorted": {_LAST: "return self.fc3(x).sort(dim=1).values"},
}


@pytest.mark.parametrize("slip", _SLIPS)
@pytest.mark.parametrize("functional", [False, True])
def test_one_slip_named_or_not_costs_three_to_eight(slip, functional):
    source = NET
    for old, new in _SLIPS[slip].items():
        assert old in source
        source = source.replace(old, new)
    if functional:  # no module is called: what goes through is seen all the same
        source = source.replace("self.fc1(x)", "F.linear(x, self.fc1.weight, self.fc1.bias)")
        source = source.replace("self.fc3(x)", "F.linear(x, self.fc3.weight, self.fc3.bias)")
    for seed in range(2):
        result = judge(source, "net_function", seed)
        assert 3 <= 20 - result.points <= 8, (result.points, result.criteria)


_FIRST_RELU, _SECOND_RELU = "x = F.relu(x)  # 1", "x = F.relu(x)  # 2"
_UNLISTED = {
    "clamped above": {_FIRST_RELU: "x = F.relu(x).clamp(max=1)"},
    "squared": {_FIRST_RELU: "x = x * x"},
    "a residual": {_FIRST_RELU: "x = x + F.relu(x)"},
    "normalised for each map": {_FIRST_RELU: "x = F.relu(F.instance_norm(x))"},
    "the bias twice": {_FIRST: "x = self.conv1(images) + self.conv1.bias[:, None, None]"},
    "the kernel flipped": {
        _FIRST: "x = F.conv2d(images, self.conv1.weight.flip(2, 3), self.conv1.bias)"
    },
    "rounded": {_FIRST: "x = self.conv1(images.round())"},
    "halved": {_SECOND_RELU: "x = 0.5 * F.relu(x)"},
    "maps mirrored": {"F.max_pool2d(x, 2)  # 2": "F.max_pool2d(x, 2).flip(3)  # 2"},
    "normalised before fc1": {"(start_dim=1)": "(1)\n        x = F.layer_norm(x, x.shape[1:])"},
    "mish": {"F.relu(self.fc1(x))": "F.mish(self.fc1(x))"},
    "fc1's bias unused": {"self.fc1(x)": "F.linear(x, self.fc1.weight)"},
    "the weight by its norm": {
        "self.fc2(x)": "F.linear(x, F.normalize(self.fc2.weight), self.fc2.bias)"
    },
    "a residual at fc2": {
        "x = F.relu(self.fc2(x))": "y = F.relu(self.fc2(x))\n        x = y + x[:, : y.shape[1]]"
    },
    "scaled logits": {_LAST: "return self.fc3(x) / 10"},
    "logits less their mean": {
        _LAST: "x = self.fc3(x)\n        return x - x.mean(1, keepdim=True)"
    },
}


@pytest.mark.parametrize("slip", _UNLISTED)
def test_one_slip_that_nobody_listed_costs_three_to_eight_of_the_exercise(slip):
    source = NET
    for old, new in _UNLISTED[slip].items():
        assert old in source
        source = source.replace(old, new)
    results = [judge(source, grade_id, 3) for grade_id in CHECKS]
    assert 3 <= sum(result.max_points - result.points for result in results) <= 8
    assert results[-1].advice


def test_of_two_unlisted_slips_both_places_are_told():
    source = NET.replace(_SECOND_RELU, "x = x * x")
    both = judge(source.replace(_LAST, "return self.fc3(x) / 10"), "net_function")
    assert "conv2 puts out what it should, but what follows it does not" in both.advice
    assert "Then look at fc3, and at what follows" in both.advice


def test_a_slip_between_two_layers_does_not_hide_the_one_behind_it():
    both = judge(NET.replace("F.relu(self.fc1(x))", "self.fc1(x**2)"), "net_function")
    assert "but fc1 gets something else: look at what happens between them" in both.advice
    assert "the ReLU after fc1 is missing" in both.advice


@pytest.mark.parametrize("slip", _UNLISTED)
def test_of_one_unlisted_slip_one_place_is_told(slip):
    source = NET
    for old, new in _UNLISTED[slip].items():
        source = source.replace(old, new)
    assert "Then look" not in judge(source, "net_function", 1).advice


@pytest.mark.slow
def test_two_slips_at_two_layers_cost_six_to_fourteen():
    # All of these are of conv1's part; a rim is laid around what conv1 hands on.
    first = ("normalised", "abs", "sin", "pooling", "no name for it")
    own = (*first, "less a half", "clamped", "replicated rim", "ones for pixels")
    others = [slip for slip in _SLIPS if slip not in own]
    assert len(others) > 6
    for one, other in product(first, others):
        source = NET
        for old, new in (_SLIPS[one] | _SLIPS[other]).items():
            source = source.replace(old, new)
        result = judge(source, "net_function")
        assert 6 <= 20 - result.points <= 14, (one, other, result.points, result.criteria)


_WITHIN_ONE_PART = (
    *[("conv1", "normalised", other) for other in ("abs", "sin", "pooling")],
    *[("conv1", "no name for it", other) for other in ("sin", "pooling")],
    *[("conv1", "pooling", other) for other in ("abs", "sin", "clamped", "less a half")],
    *[("conv2", "dilated", other) for other in ("sin after conv2", "pooled by the norm")],
)


@pytest.mark.parametrize(("layer", "one", "other"), _WITHIN_ONE_PART)
def test_two_slips_within_one_layers_part_cost_six_to_fourteen_too(layer, one, other):
    source = NET
    for old, new in (_SLIPS[one] | _SLIPS[other]).items():
        assert old in source
        source = source.replace(old, new)
    result = judge(source, "net_function")
    assert 6 <= 20 - result.points <= 14, result.criteria
    assert result.criteria[5].got == f"a second one at {layer}"


@pytest.mark.parametrize(
    "changes",
    [
        {"x = F.relu(x)  # 1": "x = x.sigmoid()", "max_pool2d(x, 2)  # 1": "avg_pool2d(x, 2)"},
        {"1, c, 5": "1, c, 5, bias=False", "x = F.relu(x)  # 1": "x = x.sin()"},
        {"return self.fc3(x)": "return 3 * self.fc3(x)", "num_classes)\n\n": _NO_BIAS},
    ],
)
def test_a_named_slip_and_another_at_one_layer_are_two(changes):
    source = NET
    for old, new in changes.items():
        assert old in source
        source = source.replace(old, new)
    assert 6 <= 20 - judge(source, "net_function").points <= 14


FROZEN = [m for m in MUTANTS if m.key.endswith("-frozen") and "softmax" not in m.words]


@pytest.mark.parametrize("mutant", FROZEN, ids=[m.name for m in FROZEN])
def test_layers_that_never_learn_cost_three_to_eight(mutant):
    assert 3 <= 20 - judge(mutant.source, "net_function").points <= 8
    assert judge(mutant.source, "net_parameters").points == 10


def test_dropout_that_stays_on_costs_its_layer():
    for layer in ("fc1", "fc2"):
        source = NET.replace(f"F.relu(self.{layer}(x))", f"F.dropout(F.relu(self.{layer}(x)), 0.5)")
        result = judge(source, "net_function")
        assert result.mistakes == ("random",)
        assert 3 <= 20 - result.points <= 8


def test_nearly_every_mutant_is_named():
    named = [mutant.key != "" for mutant in (*CHAINS, *MUTANTS)]
    assert len(named) > 130
    assert sum(named) >= 0.95 * len(named)


def test_what_returns_nothing_gets_at_most_half():
    result = judge(NET.replace("return self.fc3(x)", "self.fc3(x)"), "net_function")
    assert 0 < result.points <= 10
    assert "returns" in result.advice or "return" in result.advice


@pytest.mark.parametrize("returned", ["@, x", "x, @", "[@]", "@.numpy()", "{'logits': @}"])
def test_logits_in_a_value_of_another_kind_are_one_mistake_and_no_layers(returned):
    source = NET.replace(_LAST, "return " + returned.replace("@", "self.fc3(x)"))
    function = judge(source, "net_function")
    assert 3 <= 20 - function.points <= 8
    assert function.mistakes == ("output-kind",)
    assert function.advice.startswith("Expected forward(...) to return a tensor, got ")
    assert not function.figures
    assert judge(source, "net_parameters").points == 10
    wrong = judge(source.replace("F.relu(self.fc1(x))", "self.fc1(x)"), "net_function")
    assert 6 <= 20 - wrong.points <= 14
    assert wrong.mistakes == ("fc1-missing-relu", "output-kind")


def test_a_spare_layer_costs_once():
    source = NET.replace(
        "        self.fc1 =", "        self.spare = nn.Linear(7, 3)\n        self.fc1 ="
    )
    assert judge(source, "net_function").points == 20
    assert judge(source, "net_parameters").points < 10
    used = source.replace("return self.fc3(x)", "return self.fc3(x) + self.spare.weight.sum()")
    assert judge(used, "net_function").points <= 17


def test_other_defaults_cost_little_and_are_named():
    source = NET.replace("num_channel=8", "num_channel=16")
    results = [judge(source, grade_id) for grade_id in CHECKS]
    assert sum(r.max_points - r.points for r in results) <= 8
    assert all("Net() has other sizes" in r.advice for r in results[1:])
    rows = {c.name: c.got for c in results[2].criteria}
    assert rows["the same for Net(num_channel=5, num_classes=7)"].startswith("5 of 5 layers")


def test_a_network_right_for_the_defaults_alone_keeps_most_points():
    result = judge(NET.replace("c = num_channel", "c = 8"), "net_function")
    assert 16 <= result.points < 20
    assert "num_channel" in result.advice


def test_wrong_inputs_of_a_layer_are_explained_where_the_shape_is_graded():
    result = judge(NET.replace("11 * 11", "4 * 4"), "net_shape")
    assert result.points == 0
    assert "256 inputs and 32 outputs gets 1936 inputs" in result.criteria[0].got


def test_shared_parameters_count_once_and_hidden_ones_do_not_count():
    shared = NET.replace("num_classes)\n\n", "num_classes)\n        self.again = self.fc3\n\n")
    assert judge(shared, "net_parameters").points == 10
    hidden = NET.replace("self.fc2 =", "self.fc2 = lambda x: self.h[0](x)\n        self.h =")
    hidden = hidden.replace("nn.Linear(4 * c, 2 * c)", "[nn.Linear(4 * c, 2 * c)]")
    result = judge(hidden, "net_parameters")
    assert next(c.name for c in result.criteria if not c.earned) == "layer fc2"
    assert result.criteria[3].got == "no such layer"


def test_the_parameters_of_a_wrong_layer_are_shown_for_that_layer():
    source = NET.replace("nn.Conv2d(c, 2 * c, 5)", "nn.Conv2d(c, 2 * c, 3)")
    result = judge(source, "net_parameters")
    rows = {c.name: c.got for c in result.criteria}
    assert rows["layer conv2"] == "weight (16, 8, 3, 3), bias (16,)"
    assert result.mistakes[0] == "conv2-kernel"


def test_settings_of_the_notebook_do_not_matter():
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.no_grad():
            assert judge(NET, "net_function").points == 20
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")
