"""course_utils.checks and messages: right answers pass, each kind of wrong answer is told."""

import random
import re
import sys
import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.checking import checks as graded
from autograder.checking.student import InProcess
from course_utils import messages
from course_utils._networks import count_of
from course_utils.checks import check_conv_pool_conv, check_improved_net, check_net
from course_utils.messages import Message, Status, as_html, as_text

GOOD, LOOK, TODO, WRONG = "✓ Looks right", "! Worth a look", "… Not implemented", "✗ Not right yet"
KERNEL = torch.ones(1, 3, 3, 3)


def chain(image: Tensor, kernel: Tensor) -> Tensor:
    pooled = F.max_pool2d(F.conv2d(image, kernel), 2)
    return F.conv2d(pooled, kernel[:, :1])


def with_modules(image: Tensor, kernel: Tensor) -> Tensor:
    first, second = nn.Conv2d(3, 1, 3, bias=False), nn.Conv2d(1, 1, 3, bias=False)
    first.weight, second.weight = nn.Parameter(kernel), nn.Parameter(kernel[:, 0:1])
    return second(nn.MaxPool2d(2)(first(image[None])))


def by_unfolding(image: Tensor, kernel: Tensor) -> Tensor:
    def convolve(maps: Tensor, weights: Tensor) -> Tensor:
        windows = maps.unfold(1, 3, 1).unfold(2, 3, 1)  # (C, h, w, 3, 3)
        return torch.einsum("chwij,ocij->ohw", windows, weights)

    rows = convolve(image, kernel).unfold(1, 2, 2).unfold(2, 2, 2)
    return convolve(rows.amax(dim=(3, 4)), kernel[:, 1:2])


def chatty(image: Tensor, kernel: Tensor) -> Tensor:
    print("image", image.shape, "kernel", kernel.shape)
    print("careful", file=sys.stderr)
    warnings.warn("a warning of a library", stacklevel=1)
    return chain(image, kernel)


RIGHT_CHAINS = [chain, with_modules, by_unfolding, chatty]


def resized(image: Tensor, kernel: Tensor) -> Tensor:
    return F.conv2d(F.max_pool2d(F.conv2d(image, kernel), 2)[:, 1:], kernel[:, :1])


def in_place(image: Tensor, kernel: Tensor) -> Tensor:
    output = chain(image, kernel)
    image.mul_(0)
    return output


def rescaled(image: Tensor, kernel: Tensor) -> Tensor:
    output = chain(image, kernel)
    return (output - output.min()) / (output.max() - output.min())


def own_layer(image: Tensor, kernel: Tensor) -> Tensor:
    return nn.Conv2d(1, 1, 3)(F.max_pool2d(F.conv2d(image, kernel), 2))


def printed_only(image: Tensor, kernel: Tensor) -> None:
    print(chain(image, kernel).shape)


def pooled(image: Tensor, kernel: Tensor, size: int = 2, **options: object) -> Tensor:
    first = F.max_pool2d(F.conv2d(image, kernel), size, **options)  # type: ignore[arg-type]
    return F.conv2d(first, kernel[:, :1])


# What the student writes, and a piece of what the check must tell.
WRONG_CHAINS: dict[str, tuple[Callable, str]] = {
    "returns None": (printed_only, "returns None"),
    "returns an array": (lambda i, k: chain(i, k).numpy(), "returns ndarray"),
    "returns a list": (lambda i, k: [chain(i, k)], "returns list"),
    "no pooling": (lambda i, k: F.conv2d(F.conv2d(i, k), k[:, :1]), "without the pooling"),
    "no second": (lambda i, k: F.max_pool2d(F.conv2d(i, k), 2), "without the second convolution"),
    "only one": (lambda i, k: F.conv2d(i, k), "expected activations (1, 3, 5), got (1, 10, 14)"),
    "stride 1": (lambda i, k: pooled(i, k, stride=1), "steps of 1"),
    "padded": (
        lambda i, k: F.conv2d(F.max_pool2d(F.conv2d(i, k, padding=1), 2), k[:, :1], padding=1),
        "if both are padded",
    ),
    "first padded": (
        lambda i, k: F.conv2d(F.max_pool2d(F.conv2d(i, k, padding=1), 2), k[:, :1]),
        "if one of the convolutions is padded",
    ),
    "pool 3": (lambda i, k: pooled(i, k, 3), "larger than 2x2"),
    "rounds up": (lambda i, k: pooled(i, k, ceil_mode=True), "the pooling rounds up"),
    "three channels": (lambda i, k: chain(i, k).repeat(3, 1, 1), "number of channels"),
    "flat": (lambda i, k: chain(i, k).flatten(), "got (15,)"),
    "a row less": (resized, "expected activations"),
    "fixed size": (lambda i, k: torch.zeros(1, 3, 5), "got (1, 3, 5)"),
    "float16": (lambda i, k: chain(i, k).half(), "Expected float32"),
    "uint8": (lambda i, k: chain(i, k).byte(), "Expected float32"),
    "average pooling": (
        lambda i, k: F.conv2d(F.avg_pool2d(F.conv2d(i, k), 2), k[:, :1]),
        "the values are not",
    ),
    "transposed": (lambda i, k: pooled(i, k.transpose(2, 3)), "the values are not"),
    "rescaled": (rescaled, "rescaled"),
    "normalised": (lambda i, k: F.normalize(chain(i, k).flatten(1)).view_as(chain(i, k)), "resc"),
    "sigmoid": (lambda i, k: chain(i, k).sigmoid(), "four times"),
    "bias": (lambda i, k: chain(i, k) + 1, "four times"),
    "divided by the kernel": (lambda i, k: chain(i, k) / k.norm(), "four times"),
    "global kernel": (lambda i, k: chain(i, KERNEL), "argument `kernel`"),
    "half global": (
        lambda i, k: F.conv2d(F.max_pool2d(F.conv2d(i, k), 2), KERNEL[:, :1]),
        "four times",
    ),
    "own layer": (own_layer, "another output the second time"),
    "not a number": (lambda i, k: chain(i, k) / 0 * 0, "infinite, or no numbers"),
    "changes its input": (in_place, "changes the image"),
    "whole kernel twice": (
        lambda i, k: F.conv2d(F.max_pool2d(F.conv2d(i, k), 2), k),
        "RuntimeError: Given groups=1",
    ),
    "one argument": (lambda i: i, "TypeError"),
    "not a function": (None, "TypeError: 'NoneType' object is not callable"),
}


def network(
    padding: int = 0,
    kernel: int = 5,
    pools: int = 2,
    head: tuple[int, ...] = (4, 2),
    lazy: bool = False,
    bias: bool = True,
    fixed_classes: bool = False,
    fixed_channels: bool = False,
    average: bool = False,
    last: type[nn.Module] | Callable[[], nn.Module] = nn.Identity,
) -> type[nn.Module]:
    """The class of a network such as a student writes, right or with one mistake."""

    class Net(nn.Module):
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__()
            channels = 8 if fixed_channels else num_channel
            layers: list[nn.Module] = []
            for inputs, outputs in ((1, channels), (channels, 2 * channels)):
                layers += [nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU()]
                layers += [nn.MaxPool2d(pools)]
            layers += [nn.AdaptiveAvgPool2d(1)] if average else []
            layers += [nn.Flatten()]
            width = layers_width(nn.Sequential(*layers))
            for factor in head:
                linear = nn.LazyLinear if lazy else nn.Linear
                sizes = (factor * channels,) if lazy else (width, factor * channels)
                layers += [linear(*sizes, bias=bias), nn.ReLU()]  # type: ignore[arg-type]
                width = factor * channels
            layers += [nn.Linear(width, 10 if fixed_classes else num_classes), last()]
            self.layers = nn.Sequential(*layers)

        def forward(self, images: Tensor) -> Tensor:
            return self.layers(images)

    return Net


def layers_width(layers: nn.Module) -> int:
    return layers(torch.zeros(1, 1, 56, 56)).shape[1]


class FunctionalNet(nn.Module):
    """Another order of attributes, functional calls, parameters held directly."""

    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()
        c = num_channel
        self.last = nn.Linear(2 * c, num_classes)
        self.weights = nn.Parameter(torch.randn(c, 1, 5, 5) / 5)
        self.offset = nn.Parameter(torch.zeros(c))
        self.middle = nn.Conv2d(c, 2 * c, 5)
        self.heads = nn.ModuleList([nn.LazyLinear(4 * c), nn.Linear(4 * c, 2 * c)])

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.conv2d(x, self.weights, self.offset).relu(), 2)
        x = F.max_pool2d(self.middle(x).relu(), 2).flatten(1)
        for head in self.heads:
            x = head(x).relu()
        return self.last(x)


class NoSuper(nn.Module):
    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        self.layer = nn.Linear(3136, num_classes)


class NoForward(nn.Module):
    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__()


class Squeezed(network()):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).squeeze()


class Unflattened(network()):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        return self.layers[7:](self.layers[:6](images))


class Exiting(network()):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        sys.exit(3)


class Extra(network()):  # type: ignore[misc]
    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        self.spare = nn.Linear(3, 2)


class NoArguments(network()):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()


class Nameless(network()):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        return undefined_name(images)  # type: ignore[name-defined] # noqa: F821


class Frozen(network()):  # type: ignore[misc]
    def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
        super().__init__(num_channel, num_classes)
        next(iter(self.parameters())).requires_grad_(False)


class Detached(network()):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).detach()


RIGHT_NETS = {"linear": network(), "lazy": network(lazy=True), "functional": FunctionalNet}
WRONG_NETS: dict[str, tuple[object, str]] = {
    "an instance": (network()(), "class derived from `nn.Module`"),
    "not a module": (dict, "class derived from `nn.Module`"),
    "no super": (NoSuper, "should be super().__init__()"),
    "squeezed": (Squeezed, "should give logits (1, 10), but it gives (10,)"),
    "not flattened": (Unflattened, "are the feature maps flattened before it?"),
    "exits": (Exiting, "SystemExit: 3"),
    "name error": (Nameless, "NameError: name 'undefined_name' is not defined"),
    "no arguments": (NoArguments, "TypeError"),
    "ten classes always": (network(fixed_classes=True), "num_classes"),
    "eight channels always": (network(fixed_channels=True), "num_channel=4"),
    "softmax": (network(last=lambda: nn.Softmax(1)), "raw logits"),
    "log softmax": (network(last=lambda: nn.LogSoftmax(1)), "raw logits"),
    "padded": (network(2), "feature maps of 14x14 pixels"),
    "kernel 3": (network(kernel=3), "first convolution, 5x5, from 1 to 8 channels: yours goes"),
    "no pooling": (network(pools=1), "feature maps of 48x48 pixels"),
    "head too short": (network(head=(4,)), "second fully connected layer"),
    "head too wide": (network(head=(8, 2)), "yours goes from 1936 to 64"),
    "head too long": (network(head=(4, 2, 2)), "parameters that the table does not ask for"),
    "no bias": (network(bias=False), "32 outputs has no bias"),
    "extra layer": (Extra, "parameters that the table does not ask for, of shape (2, 3), (2,)"),
    "a frozen layer": (Frozen, "No gradient reaches `"),
    "detached logits": (Detached, "training would leave them as they are"),
    "average pooling": (network(average=True), "66,106 parameters, it has"),
}


def told(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert not printed.err
    return printed.out


@pytest.mark.parametrize("fn", RIGHT_CHAINS)
def test_right_chains_pass_however_written(fn: Callable, capsys) -> None:
    assert check_conv_pool_conv(fn) is None
    assert told(capsys).startswith(f"{GOOD}: conv_pool_conv")


@pytest.mark.parametrize(
    ("fn", "got"),
    [
        (lambda i, k: chain(i, k)[0], "float32 of shape (7, 3)"),
        (lambda i, k: chain(i, k).double(), "float64 of shape (1, 7, 3)"),
    ],
)
def test_what_costs_no_points_is_said_to_cost_none(fn: Callable, got: str, capsys) -> None:
    check_conv_pool_conv(fn)
    text = told(capsys)
    assert f"Expected float32 activations (1, h, w), got {got}" in text
    assert "costs no points" in text
    for grade_id in ("conv_pool_conv_shape", "conv_pool_conv_values"):
        result = graded.run("cnns", grade_id, InProcess({"conv_pool_conv": fn}), seed=3)
        assert result.points == result.max_points


def test_the_row_of_a_right_shape_shows_what_was_returned() -> None:
    student = InProcess({"conv_pool_conv": lambda i, k: chain(i, k)[0]})
    shown = graded.run("cnns", "conv_pool_conv_shape", student, seed=3).criteria[0]
    assert (shown.expected, shown.got) == ("(1, 11, 11)", "(11, 11)")


@pytest.mark.parametrize(("fn", "words"), WRONG_CHAINS.values(), ids=WRONG_CHAINS)
def test_wrong_chains_are_told(fn: Callable, words: str, capsys) -> None:
    assert check_conv_pool_conv(fn) is None
    text = told(capsys)
    assert text.startswith(WRONG)
    assert words in text


@pytest.mark.parametrize("net", RIGHT_NETS.values(), ids=RIGHT_NETS)
def test_right_networks_pass_however_written(net: type[nn.Module], capsys) -> None:
    assert check_net(net) is None
    text = told(capsys)
    assert text.startswith(f"{GOOD}: Net")
    assert "66,106" in text


@pytest.mark.parametrize(("net", "words"), WRONG_NETS.values(), ids=WRONG_NETS)
def test_wrong_networks_are_told(net: type[nn.Module], words: str, capsys) -> None:
    assert check_net(net) is None
    text = told(capsys)
    assert text.startswith(WRONG)
    assert words in text


def test_the_released_stubs_read_not_implemented_yet(capsys) -> None:
    def stub(image: Tensor, kernel: Tensor) -> Tensor:
        # YOUR CODE HERE
        raise NotImplementedError()

    class Stub(nn.Module):
        def __init__(self, num_channel: int = 8, num_classes: int = 10) -> None:
            super().__init__()
            raise NotImplementedError()

    check_conv_pool_conv(stub)
    check_net(Stub)
    check_improved_net(Stub, Stub)
    check_net(NoForward)
    text = told(capsys)
    assert text.count(TODO) == 4
    assert "no method `forward(self, x)`" in text


def test_pytorchs_own_not_implemented_is_an_error_of_the_code(capsys) -> None:
    check_conv_pool_conv(lambda image, kernel: torch.zeros(2, device="meta").nonzero())
    text = told(capsys)
    assert text.startswith(WRONG)
    assert "NotImplementedError: " in text


@pytest.mark.parametrize(
    ("improved", "status", "words"),
    [
        (network(4, head=(), average=True), GOOD, "hardly sees"),
        (network(2, average=True), GOOD, "hardly sees"),
        (network(0, average=True), LOOK, "border of the image"),
        (network(pools=3), LOOK, "weights of their own"),
        (network(), WRONG, "expected fewer than the 66,106"),
        (network(average=True, fixed_classes=True), WRONG, "num_classes"),
        (network(average=True, last=lambda: nn.Softmax(1)), WRONG, "raw logits"),
        (network(average=True, last=nn.ReLU), None, ""),
    ],
)
def test_an_improved_network_hears_how_much_it_sees_of_the_place(
    improved: type[nn.Module], status: str | None, words: str, capsys
) -> None:
    assert check_improved_net(improved, network()) is None
    text = told(capsys)
    assert words in text
    if status:
        assert text.startswith(f"{status}: ImprovedNet")
    if status in (GOOD, LOOK):
        share = int(re.search(r"changes the logits by (\d+)% of what", text)[1])  # type: ignore[index]
        assert (share <= 25) == (status == GOOD)


def test_an_improved_network_is_checked_although_net_is_missing(capsys) -> None:
    check_improved_net(network(4, average=True), NoForward)
    check_improved_net(network(4, average=True), None)  # type: ignore[arg-type]
    assert told(capsys).count("`Net` has 66,106") == 2


def test_an_output_without_the_image_is_told(capsys) -> None:
    class Constant(network(average=True)):  # type: ignore[misc]
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images) * 0 + torch.arange(10.0)[: self.layers[-2].out_features]

    check_improved_net(Constant, network())
    assert "the same for every digit" in told(capsys)


def test_checks_leave_the_random_state_and_the_mode_of_gradients_alone(capsys) -> None:
    random.seed(1)
    before, python_before = torch.get_rng_state(), random.getstate()
    check_conv_pool_conv(chain)
    check_net(network())
    check_improved_net(network(average=True), network())
    check_net(Nameless)
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == python_before
    assert torch.is_grad_enabled()


def test_checks_say_the_same_each_time(capsys) -> None:
    texts = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        check_improved_net(network(average=True), network())
        texts.append(told(capsys))
    assert texts[0] == texts[1]


def test_what_the_code_prints_stands_in_the_message_and_nowhere_else(capsys) -> None:
    with warnings.catch_warnings(record=True) as seen:
        check_conv_pool_conv(chatty)
    text = told(capsys)
    assert not seen
    assert text.startswith(GOOD)
    assert "Your code printed:\n    image torch.Size([3, 12, 16])" in text
    assert len(text) < 1000


def test_an_exception_shows_the_students_own_line_without_a_traceback(capsys) -> None:
    def deep(image: Tensor, kernel: Tensor) -> Tensor:
        return F.conv2d(image, kernel[0, 0, 0])  # here

    check_conv_pool_conv(deep)
    text = told(capsys)
    assert "return F.conv2d(image, kernel[0, 0, 0])  # here" in text
    assert "Traceback" not in text
    assert "site-packages" not in text
    assert "checks.py" not in text


def test_an_endless_recursion_is_told(capsys) -> None:
    def again(image: Tensor, kernel: Tensor) -> Tensor:
        return again(image, kernel)

    check_conv_pool_conv(again)
    assert "RecursionError" in told(capsys)


def test_an_interrupt_by_the_student_goes_through() -> None:
    def interrupted(image: Tensor, kernel: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_conv_pool_conv(interrupted)


def test_the_box_escapes_what_the_student_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Message] = []
    monkeypatch.setattr(messages, "show", shown.append)

    def hostile(image: Tensor, kernel: Tensor) -> Tensor:
        print("<script>alert(1)</script>")
        raise ValueError("<img src=x onerror=alert(2)> `<b>code</b>`")

    check_conv_pool_conv(hostile)
    box = as_html(shown[0])
    assert not re.search("<(script|img|b)[ >]", box)
    assert "&lt;script&gt;" in box
    assert "&lt;img src=x" in box


@pytest.mark.parametrize("status", Status)
def test_the_box_says_by_word_and_symbol_what_it_says_by_colour(status: Status) -> None:
    symbol, word, colour = status.value
    message = Message(status, "Net", ("A detail with `code`.",), "line 1\nline 2")
    box, text = as_html(message), as_text(message)
    words = re.sub("<[^>]*>", " ", box)
    for part in (symbol, word, "Net", "A detail with", "line 1\nline 2"):
        assert part in words
    assert text.splitlines()[0] == f"{symbol} {word}: Net"
    assert colour in box
    assert re.search("<code[^>]*>code</code>", box)
    assert contrast(colour, "#ffffff") >= 4.5  # WCAG 2 AA, for the word on its badge


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours. Source: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio"""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_jupyter_gets_html_and_the_same_text(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    import IPython

    sent = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(
        "IPython.display.display", lambda data, raw: sent.append(data) if raw else None
    )
    check_conv_pool_conv(chain)
    assert set(sent[0]) == {"text/html", "text/plain"}
    assert sent[0]["text/plain"].startswith(GOOD)
    assert "Looks right" in sent[0]["text/html"]
    assert told(capsys) == ""


def test_the_described_network_has_66_106_parameters() -> None:
    assert count_of(network()()) == 66_106
