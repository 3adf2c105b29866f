"""Wrong chains that the catalogue of mistakes does not list: what to change in the right one."""

from __future__ import annotations

from tests.assignments.cnns.mutants import CHAIN

_START = "(image, kernel):\n"
_SHAPE = "1, (image.shape[1] - 2) // 2 - 2, (image.shape[2] - 2) // 2 - 2"
_FIRST, _SECOND = "F.conv2d(image, kernel)", "F.conv2d(x, kernel[:, :1])"
_POOL = "F.max_pool2d(x, 2)"
_MEDIAN = (
    "F.unfold(x[None], 2, stride=2).median(dim=1).values.view(1, *[n // 2 for n in x.shape[1:]])"
)
_APART = "F.conv2d(image, kernel.transpose(0, 1), groups=3)"
Changes = dict[str, str]


def _first_of_all(line: str) -> Changes:
    return {_START: f"{_START}    {line}\n"}


def at_the_end(expression: str) -> Changes:
    """Return the change of a result into an expression of it, `@`."""
    return {_SECOND: expression.replace("@", f"({_SECOND})")}


AT_THE_END = {
    "a softmax of each row": "torch.softmax(@, -1)",
    "each row by its norm": "F.normalize(@, dim=-1)",
    "as large as the image": "F.interpolate(@[None], size=image.shape[1:], mode='bilinear')[0]",
    "twice as large": "F.interpolate(@[None], scale_factor=2)[0]",
    "mirrored at the end": "@.flip(-1)",
    "transposed at the end": "@.mT",
    "turned by 90 degrees at the end": "@.rot90(1, (1, 2))",
    "flattened": "@.flatten()",
    "flattened but for the channel": "@.flatten(1)",
    "pooled at the end": "F.avg_pool2d(@, 2)",
    "smoothed at the end": "F.avg_pool2d(@, 3, 1, 1)",
    "its mean": "@.mean()",
    "its largest": "@.amax((1, 2))",
    "its running sum": "@.cumsum(-1)",
    "three channels": "@.repeat(3, 1, 1)",
    "a batch of three": "@[None].repeat(3, 1, 1, 1)",
}
BETWEEN = {
    "a pooling of 1x2": "F.max_pool2d(x, (1, 2))",
    "a pooling of 2x1": "F.max_pool2d(x, (2, 1))",
    "a pooling of 2x2 with stride 3": "F.max_pool2d(x, 2, 3)",
    "a pooling of 3x3 with stride 1 and padding": "F.max_pool2d(x, 3, 1, 1)",
    "a pooling of 5x5 with stride 2": "F.max_pool2d(x, 5, 2)",
    "a pooling to 14x14": "F.adaptive_max_pool2d(x, 14)",
    "averages of 3x3": "F.avg_pool2d(x, 3)",
    "pooled, and blown up again": "F.interpolate(F.max_pool2d(x, 2)[None], scale_factor=2)[0]",
    "each pooled row by its norm": "F.normalize(F.max_pool2d(x, 2), dim=-1)",
    "a softmax of each pooled row": "torch.softmax(F.max_pool2d(x, 2), -1)",
    "the pooling of a sum with its mirror image": "F.max_pool2d(x + x.flip(-1), 2)",
}
OTHER_KERNELS = {
    "the kernel squared": "kernel**2",
    "a softmax of the kernel": "torch.softmax(kernel.flatten(), 0).view_as(kernel)",
    "a softmax of the kernel's rows": "torch.softmax(kernel, -1)",
    "the kernel standardised": "(kernel - kernel.mean()) / kernel.std()",
    "the kernel brought to [0, 1]": "(kernel - kernel.min()) / (kernel.max() - kernel.min())",
    "the kernel and a tenth": "kernel + 0.1",
    "no negative numbers in the kernel": "kernel.relu()",
    "a kernel of ones": "torch.ones_like(kernel)",
    "the kernel's rows by their sums": "kernel / kernel.sum(-1, keepdim=True)",
    "the kernel's columns rolled": "kernel.roll(1, -1)",
}
OTHER_IMAGES = {
    "the image smoothed": "F.avg_pool2d(image, 3, 1, 1)",
    "the image half as large": "F.avg_pool2d(image, 2)",
    "the image brought to 28x28": "F.interpolate(image[None], size=28)[0]",
    "the image rolled": "image.roll(1, -1)",
    "the image turned by 90 degrees": "image.rot90(1, (1, 2))",
    "each of the image's rows by its norm": "F.normalize(image, dim=-1)",
}
STEPS: dict[str, Changes] = {
    **{name: at_the_end(end) for name, end in AT_THE_END.items()},
    **{name: {_POOL: pool} for name, pool in BETWEEN.items()},
    **{name: _first_of_all(f"kernel = {it}") for name, it in OTHER_KERNELS.items()},
    **{name: _first_of_all(f"image = {it}") for name, it in OTHER_IMAGES.items()},
    "dropout": {_POOL: "F.dropout(F.max_pool2d(x, 2))"},
    "noise on the image": _first_of_all("image = image + 0.1 * torch.rand_like(image)"),
    "modules made in each call": {
        _FIRST: "nn.Conv2d(3, 1, 3, bias=False)(image).detach()",
        _SECOND: "nn.Conv2d(1, 1, 3, bias=False)(x).detach()",
    },
    "mirrored after the pooling": {_POOL: "F.max_pool2d(x, 2).flip(-1)"},
    "the image without its rim": _first_of_all("image = image[:, 1:-1, 1:-1]"),
    "a transposed convolution": {_SECOND: "F.conv_transpose2d(x, kernel[:, :1])"},
    "the first convolution transposed": {
        _FIRST: "F.conv_transpose2d(image, kernel.transpose(0, 1))"
    },
    "both convolutions transposed": {
        _FIRST: "F.conv_transpose2d(image, kernel.transpose(0, 1))",
        _SECOND: "F.conv_transpose2d(x, kernel[:, :1])",
    },
    "stride 4 in the second": {_SECOND: "F.conv2d(x, kernel[:, :1], stride=4)"},
    "stride 2 down the first": {_FIRST: "F.conv2d(image, kernel, stride=(2, 1))"},
    "padding across the first": {_FIRST: "F.conv2d(image, kernel, padding=(0, 1))"},
    "modules of its own": {
        _START: "(image, kernel, one=nn.Conv2d(3, 1, 3, bias=False), "
        "two=nn.Conv2d(1, 1, 3, bias=False)):\n",
        _FIRST: "one(image).detach()",
        _SECOND: "two(x).detach()",
    },
}
ONE: dict[str, Changes] = {
    **STEPS,
    "the first kernel turned": {_FIRST: "F.conv2d(image, kernel.flip(2, 3))"},
    "the second kernel turned": {_SECOND: "F.conv2d(x, kernel[:, :1].flip(2, 3))"},
    "the first kernel transposed": {_FIRST: "F.conv2d(image, kernel.mT)"},
    "the first kernel mirrored": {_FIRST: "F.conv2d(image, kernel.flip(3))"},
    "the second kernel upside down": {_SECOND: "F.conv2d(x, kernel[:, :1].flip(2))"},
    "the second kernel turned by 90 degrees": {
        _SECOND: "F.conv2d(x, kernel[:, :1].rot90(1, (2, 3)))"
    },
    "the absolute values of the kernel": {_FIRST: "F.conv2d(image, kernel.abs())"},
    "the second kernel less its mean": {_SECOND: "F.conv2d(x, kernel[:, :1] - kernel.mean())"},
    "a bias after the first": {_FIRST: _FIRST + " + 0.1"},
    "a bias after the pooling": {_POOL: _POOL + " + 0.1"},
    "a bias at the end": {_SECOND: _SECOND + " + 0.1"},
    "clamped after the first": {_FIRST: _FIRST + ".clamp(0, 1)"},
    "clamped after the pooling": {_POOL: _POOL + ".clamp(-1, 1)"},
    "clamped to [-1, 1] at the end": {_SECOND: _SECOND + ".clamp(-1, 1)"},
    "a ReLU6 between": {_POOL: "F.relu6(F.max_pool2d(x, 2))"},
    "a leaky ReLU between": {_FIRST: f"F.leaky_relu({_FIRST})"},
    "a sine between": {_FIRST: _FIRST + ".sin()"},
    "rounded between": {_FIRST: _FIRST + ".round()"},
    "the second kernel by its sum": {_SECOND: "F.conv2d(x, kernel[:, :1] / kernel.sum())"},
    "the kernel by its sum": {_FIRST: "F.conv2d(image, kernel / kernel.sum())"},
    "times 0.5 at the end": {_SECOND: "0.5 * " + _SECOND},
    "the kernel by its norm": {_START: _START + "    kernel = kernel / kernel.norm()\n"},
    "the image by its own mean and deviation": {
        _START: _START + "    image = (image - image.mean()) / (image.std() + 1e-5)\n"
    },
    "each colour by its own mean and deviation": {
        _START: _START
        + "    mean, std = image.mean((1, 2), keepdim=True), image.std((1, 2), keepdim=True)\n"
        "    image = (image - mean) / std\n"
    },
    "the image by its largest": {_START: _START + "    image = image / image.max()\n"},
    "the image squared": {_START: _START + "    image = image**2\n"},
    "grey, as an eye sees": {
        _START: _START + "    grey = 0.3 * image[:1] + 0.6 * image[1:2] + 0.1 * image[2:]\n",
        _FIRST: "F.conv2d(grey, kernel[:, :1])",
    },
    "the last colour only": {_FIRST: "F.conv2d(image[2:], kernel[:, :1])"},
    "colours apart, then averaged": {
        _FIRST: _APART,
        _POOL: "F.max_pool2d(x, 2).mean(0, keepdim=True)",
    },
    "colours apart, then averaged before the pooling": {_FIRST: _APART + ".mean(0, keepdim=True)"},
    "the median of each block": {_POOL: _MEDIAN},
    "the norm of each block": {_POOL: "F.lp_pool2d(x, 3.0, 2)"},
    "the standardised between": {_POOL: "(lambda y: (y - y.mean()) / y.std())(F.max_pool2d(x, 2))"},
    "pooling with a dilation": {_POOL: "F.max_pool2d(x, 2, dilation=2)"},
    "pooling with padding": {_POOL: "F.max_pool2d(x, 2, padding=1)"},
    "reflected rim in the first": {
        _FIRST: "F.conv2d(F.pad(image, (1, 1, 1, 1), 'reflect'), kernel)"
    },
    "replicated rim in the second": {
        _SECOND: "F.conv2d(F.pad(x, (1, 1, 1, 1), 'replicate'), kernel[:, :1])"
    },
    "a rim of ones around the first": {
        _FIRST: "F.conv2d(F.pad(image, (1, 1, 1, 1), value=1.0), kernel)"
    },
    "padded at the end": {_SECOND: f"F.pad({_SECOND}, (1, 1, 1, 1))"},
    "cut at the end": {_SECOND: _SECOND + "[:, 1:-1, 1:-1]"},
    "a bias of its own in the second": {
        _SECOND: "F.conv2d(x, kernel[:, :1], nn.Conv2d(1, 1, 3).bias.detach())"
    },
    "the second on a module's own weights": {
        _SECOND: "F.conv2d(x, nn.Conv2d(1, 1, 3).weight.detach())"
    },
    "stride 3 in the first": {_FIRST: "F.conv2d(image, kernel, stride=3)"},
    "dilation 3 in the second": {_SECOND: "F.conv2d(x, kernel[:, :1], dilation=3)"},
    "pooling 3x3 with stride 1": {_POOL: "F.max_pool2d(x, 3, 1)"},
    "whole numbers at the end": {_SECOND: _SECOND + ".int()"},
    "the first pixels cut off": {_POOL: "F.max_pool2d(x[:, 1:, 1:], 2)"},
    "the image changed in place": {_FIRST: "F.conv2d(image.sub_(0.5), kernel)"},
}
IN_ANOTHER_KIND = {
    "a tuple, the result first": "@, x",
    "a tuple, the result last": "image, x, @",
    "a list": "[@]",
    "numbers in lists": "@.tolist()",
    "an array": "@.numpy()",
    "a dict": "{'activations': @}",
}
TWO: dict[str, tuple[str, str]] = {
    "pooled rows, their mean": ("a softmax of each pooled row", "its mean"),
    "1x2, twice as large": ("a pooling of 1x2", "twice as large"),
    "stride 3, transposed": ("a pooling of 2x2 with stride 3", "transposed at the end"),
    "rounded, mirrored": ("rounded between", "mirrored at the end"),
    "turned, clamped": ("the first kernel turned", "clamped after the pooling"),
    "turned, a bias": ("the second kernel turned", "a bias after the first"),
    "transposed, ReLU6": ("the first kernel transposed", "a ReLU6 between"),
    "both kernels, differently": ("the first kernel mirrored", "the second kernel upside down"),
    "the median, a factor": ("the median of each block", "times 0.5 at the end"),
    "squared, a sine": ("the image squared", "a sine between"),
    "a sine, clamped": ("a sine between", "clamped to [-1, 1] at the end"),
    "the median, clamped": ("the median of each block", "clamped to [-1, 1] at the end"),
    "rim, squared": ("replicated rim in the second", "the image squared"),
    "pooling padded, clamped": ("pooling with padding", "clamped to [-1, 1] at the end"),
    "turned, the norm": ("the second kernel turned", "the norm of each block"),
    "upside down, squared": ("the second kernel upside down", "the image squared"),
    "reflected, a bias": ("reflected rim in the first", "a bias at the end"),
}
NONSENSE = {
    "zeros": f"return torch.zeros({_SHAPE})",
    "ones": f"return torch.ones({_SHAPE})",
    "the image": "return image",
    "the image, halved": "return F.avg_pool2d(image[:1, 1:-1, 1:-1], 2)[:, 1:-1, 1:-1]",
    "its sum times the kernel's": "return image.sum(0, keepdim=True) * kernel.sum() ** 2",
    "the mean everywhere": f"return image.mean() * kernel.sum() ** 2 / 3 * torch.ones({_SHAPE})",
    "the image's averages": "x = F.avg_pool2d(image.sum(0, keepdim=True)[:, 1:-1, 1:-1], 2)\n"
    "    return kernel.sum() ** 2 * x[:, 1:-1, 1:-1]",
    "the image's largest": "x = F.max_pool2d(image.sum(0, keepdim=True)[:, 1:-1, 1:-1], 2)\n"
    "    return kernel.sum() ** 2 * x[:, 1:-1, 1:-1]",
    "smoothed twice": "x = F.avg_pool2d(image.mean(0, keepdim=True), 3, 1)\n"
    "    return F.avg_pool2d(F.avg_pool2d(x, 2), 3, 1)",
    "every other pixel": "return kernel.sum() * image[:1, 3:-3:2, 3:-3:2]",
    "nothing at all": "return image[:, :0]",
    "not a number": "return image[:1, 3:-3:2, 3:-3:2] / 0 * 0",
    "infinite": "return image[:1, 3:-3:2, 3:-3:2] / 0",
    "an error of larger images": "assert image.shape[1] < 28\n    return image",
    "the kernel": "return kernel",
    "a slice of the kernel": "return kernel[0, :1]",
    "the kernel and zeros": "return F.pad(kernel[0, :1], (5, 5, 5, 5))",
    "the kernel, enlarged": "return F.interpolate(kernel[:, :1], size=13)[0]",
    "the image and the kernel": "return image, kernel",
    "noise": f"return torch.rand({_SHAPE})",
}


def chain(*changes: Changes) -> str:
    """Return the right chain's source with changes."""
    source = CHAIN
    for old, new in [change for some in changes for change in some.items()]:
        assert old in source, (old, source)
        source = source.replace(old, new)
    return source
