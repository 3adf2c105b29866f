"""Wrong answers to the first two exercises, each with what the feedback must say about it.

A network is made from the right one by replacing text, so that a mutant shows its mistake and
nothing else. `torch`, `nn` and `F` are imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Mutant:
    """One wrong answer.

    Attributes:
        name: for the test's id.
        exercise: the solution cell.
        source: what stands in it.
        key: the mistake's key that some check of the exercise must give; "" where there is none.
        words: what the advice of that check must contain.
    """

    name: str
    exercise: str
    source: str
    key: str
    words: str


NET = dedent("""
    class Net(nn.Module):
        def __init__(self, num_channel=8, num_classes=10):
            super().__init__()
            c = num_channel
            self.conv1 = nn.Conv2d(1, c, 5)
            self.conv2 = nn.Conv2d(c, 2 * c, 5)
            self.fc1 = nn.Linear(2 * c * 11 * 11, 4 * c)
            self.fc2 = nn.Linear(4 * c, 2 * c)
            self.fc3 = nn.Linear(2 * c, num_classes)

        def forward(self, images):
            x = self.conv1(images)
            x = F.relu(x)  # 1
            x = F.max_pool2d(x, 2)  # 1
            x = self.conv2(x)
            x = F.relu(x)  # 2
            x = F.max_pool2d(x, 2)  # 2
            x = x.flatten(start_dim=1)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)
""").strip()

CHAIN = dedent("""
    def conv_pool_conv(image, kernel):
        x = F.conv2d(image, kernel)
        x = F.max_pool2d(x, 2)
        return F.conv2d(x, kernel[:, :1])
""").strip()


def _changed(source: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in source, old
        source = source.replace(old, new)
    return source


def _net(name: str, key: str, words: str, changes: dict[str, str]) -> Mutant:
    return Mutant(name, "net", _changed(NET, changes), key, words)


def _chain(name: str, key: str, words: str, changes: dict[str, str]) -> Mutant:
    return Mutant(name, "conv_pool_conv", _changed(CHAIN, changes), key, words)


RELU_1, RELU_2 = "x = F.relu(x)  # 1", "x = F.relu(x)  # 2"
POOL_1, POOL_2 = "F.max_pool2d(x, 2)  # 1", "F.max_pool2d(x, 2)  # 2"
FC1_RELU, FC2_RELU = "F.relu(self.fc1(x))", "F.relu(self.fc2(x))"
LAST = "return self.fc3(x)"
FROZEN_BIAS = "num_classes)\n        self.fc2.bias.requires_grad_(False)\n\n"

NETS = (
    _net("no ReLU after conv1", "conv1-missing-relu", "ReLU after conv1", {RELU_1: "pass"}),
    _net("no ReLU after conv2", "conv2-missing-relu", "ReLU after conv2", {RELU_2: "pass"}),
    _net("no ReLU after fc1", "fc1-missing-relu", "ReLU after fc1", {FC1_RELU: "self.fc1(x)"}),
    _net("no ReLU after fc2", "fc2-missing-relu", "ReLU after fc2", {FC2_RELU: "self.fc2(x)"}),
    _net(
        "no ReLU at all",
        "conv1-missing-relu",
        "ReLU after fc2",
        {RELU_1: "pass", RELU_2: "pass", FC1_RELU: "self.fc1(x)", FC2_RELU: "self.fc2(x)"},
    ),
    _net("ReLU at the end", "fc3-extra-relu", "last layer", {LAST: "return self.fc3(x).relu()"}),
    _net(
        "softmax at the end",
        "fc3-extra-softmax",
        "softmax after fc3",
        {LAST: "return F.softmax(self.fc3(x), dim=1)"},
    ),
    _net(
        "log-softmax at the end",
        "fc3-extra-log_softmax",
        "log_softmax after fc3",
        {LAST: "return F.log_softmax(self.fc3(x), dim=1)"},
    ),
    _net(
        "sigmoid at the end",
        "fc3-extra-sigmoid",
        "sigmoid after fc3",
        {LAST: "return self.fc3(x).sigmoid()"},
    ),
    _net(
        "softmax over the batch",
        "fc3-extra-softmax over the batch",
        "over the batch",
        {LAST: "return F.softmax(self.fc3(x), dim=0)"},
    ),
    _net("class numbers for logits", "output-shape", "logits", {LAST: LAST + ".argmax(dim=1)"}),
    _net(
        "average pooling",
        "conv1-pool",
        "average pooling",
        {POOL_1: "F.avg_pool2d(x, 2)", POOL_2: "F.avg_pool2d(x, 2)"},
    ),
    _net("average pooling second", "conv2-pool", "average pooling", {POOL_2: "F.avg_pool2d(x, 2)"}),
    _net(
        "average pooling before ReLU",
        "conv1-pool",
        "after conv1 there is average pooling",
        {RELU_1: "pass", POOL_1: "F.relu(F.avg_pool2d(x, 2))"},
    ),
    _net(
        "no pooling after conv1",
        "conv1-pool",
        "after conv1 the max pooling is missing",
        {POOL_1: "x", "11 * 11": "24 * 24"},
    ),
    _net(
        "no pooling after conv2",
        "conv2-pool",
        "after conv2 the max pooling is missing",
        {POOL_2: "x", "11 * 11": "22 * 22"},
    ),
    _net(
        "no pooling at all",
        "conv1-pool",
        "max pooling is missing",
        {POOL_1: "x", POOL_2: "x", "11 * 11": "48 * 48"},
    ),
    _net(
        "pooling twice",
        "conv2-pool",
        "after conv2 the max pooling comes twice",
        {POOL_2: "F.max_pool2d(F.max_pool2d(x, 2), 2)", "11 * 11": "5 * 5"},
    ),
    _net(
        "pooling with stride 1",
        "conv2-pool",
        "stride 1",
        {POOL_2: "F.max_pool2d(x, 2, stride=1)", "11 * 11": "21 * 21"},
    ),
    _net(
        "pooling 3x3",
        "conv2-pool",
        "windows of 3x3",
        {POOL_2: "F.max_pool2d(x, 3)", "11 * 11": "7 * 7"},
    ),
    _net(
        "stride 2 in conv1",
        "conv1-stride",
        "conv1 has stride 2",
        {"nn.Conv2d(1, c, 5)": "nn.Conv2d(1, c, 5, stride=2)", "11 * 11": "4 * 4"},
    ),
    _net(
        "stride 2 in place of pooling",
        "conv1-stride",
        "conv2 has stride 2",
        {
            "nn.Conv2d(1, c, 5)": "nn.Conv2d(1, c, 5, stride=2)",
            "nn.Conv2d(c, 2 * c, 5)": "nn.Conv2d(c, 2 * c, 5, stride=2)",
            POOL_1: "x",
            POOL_2: "x",
        },
    ),
    _net(
        "kernel 3 in conv1",
        "conv1-kernel",
        "conv1 has a 3x3 kernel",
        {"nn.Conv2d(1, c, 5)": "nn.Conv2d(1, c, 3)"},
    ),
    _net(
        "kernel 3 in both",
        "conv1-kernel",
        "conv2 has a 3x3 kernel",
        {"c, 5)": "c, 3)", "11 * 11": "12 * 12"},
    ),
    _net(
        "padding kept in both",
        "conv1-padding",
        "conv2 has padding 2",
        {"c, 5)": "c, 5, padding=2)", "11 * 11": "14 * 14"},
    ),
    _net(
        "padding same in conv2",
        "conv2-padding",
        "conv2 has padding 2",
        {"2 * c, 5)": "2 * c, 5, padding='same')", "11 * 11": "13 * 13"},
    ),
    _net(
        "padding kept, fc1 not adapted",
        "conv1-padding",
        "3136 reach it. These are feature maps of 16 x 14 x 14.",
        {"c, 5)": "c, 5, padding=2)"},
    ),
    _net(
        "fc1 for images of 28x28",
        "fc1-inputs",
        "1936 reach it. These are feature maps of 16 x 11 x 11.",
        {"11 * 11": "4 * 4"},
    ),
    _net(
        "fc1 twice as large",
        "fc1-size",
        "fc1 has 64 outputs instead of 32",
        {"11, 4 * c)": "11, 8 * c)", "nn.Linear(4 * c, 2 * c)": "nn.Linear(8 * c, 2 * c)"},
    ),
    _net(
        "fc2 twice as large",
        "fc2-size",
        "fc2 has 32 outputs instead of 16",
        {"(4 * c, 2 * c)": "(4 * c, 4 * c)", "(2 * c, num_classes)": "(4 * c, num_classes)"},
    ),
    _net(
        "fc2 does not fit fc1",
        "fc2-inputs",
        "fc2 takes 64 inputs",
        {"nn.Linear(4 * c, 2 * c)": "nn.Linear(8 * c, 2 * c)"},
    ),
    _net("no bias in conv1", "conv1-bias", "conv1 has no bias", {"1, c, 5": "1, c, 5, bias=False"}),
    _net(
        "no bias in fc3",
        "fc3-bias",
        "fc3 has no bias",
        {"num_classes)\n\n": "num_classes, bias=False)\n\n"},
    ),
    _net(
        "channels swapped",
        "conv1-channels",
        "conv1 has 16 output channels instead of 8",
        {
            "(1, c, 5)": "(1, 2 * c, 5)",
            "(c, 2 * c, 5)": "(2 * c, c, 5)",
            "2 * c * 11": "c * 11",
        },
    ),
    _net(
        "three input channels",
        "conv1-inputs",
        "conv1 takes 3 inputs",
        {"nn.Conv2d(1, c, 5)": "nn.Conv2d(3, c, 5)"},
    ),
    _net(
        "num_channel ignored",
        "num_channel-ignored",
        "ignores its argument num_channel",
        {"c = num_channel": "c = 8"},
    ),
    _net(
        "num_classes ignored",
        "num_classes-ignored",
        "ignores its argument num_classes",
        {"2 * c, num_classes)\n": "2 * c, 10)\n"},
    ),
    _net(
        "no arguments",
        "num_channel-ignored",
        "num_channel",
        {
            ", num_channel=8, num_classes=10": "",
            "c = num_channel": "c = 8",
            "2 * c, num_classes)": "16, 10)",
        },
    ),
    _net(
        "size of fc1 written out",
        "fc1-size",
        "fc1 has 32 outputs instead of 20",
        {"11, 4 * c)": "11, 32)", "nn.Linear(4 * c, 2 * c)": "nn.Linear(32, 2 * c)"},
    ),
    _net(
        "inputs of fc1 written out",
        "fc1-inputs",
        "fc1 takes 1936 inputs",
        {"2 * c * 11 * 11": "1936"},
    ),
    _net("sigmoid for ReLU", "conv1-sigmoid", "a sigmoid after fc1", {"F.relu(": "F.sigmoid("}),
    _net("tanh after fc1", "fc1-tanh", "tanh after fc1", {FC1_RELU: "self.fc1(x).tanh()"}),
    _net("leaky ReLU", "conv1-leaky_relu", "a leaky ReLU after conv2", {"relu(": "leaky_relu("}),
    _net("GELU after the convolutions", "conv1-gelu", "a GELU", {"F.relu(x)": "F.gelu(x)"}),
    _net(
        "GELU in the head",
        "fc1-gelu",
        "a GELU after fc1",
        {FC1_RELU: "F.gelu(self.fc1(x))", FC2_RELU: "F.gelu(self.fc2(x))"},
    ),
    _net("SiLU after fc2", "fc2-silu", "a SiLU after fc2", {FC2_RELU: "F.silu(self.fc2(x))"}),
    _net(
        "mean for flatten",
        "fc1-flatten-mean",
        "averaged",
        {"x.flatten(start_dim=1)": "x.mean(dim=(2, 3))", "2 * c * 11 * 11": "2 * c"},
    ),
    _net(
        "maximum for flatten",
        "fc1-flatten-max",
        "largest value",
        {"x.flatten(start_dim=1)": "x.amax(dim=(2, 3))", "2 * c * 11 * 11": "2 * c"},
    ),
    _net(
        "flatten forgotten",
        "flatten-missing",
        "flattened",
        {"x = x.flatten(start_dim=1)": "pass"},
    ),
    _net(
        "the batch flattened too",
        "flatten-missing",
        "flatten(start_dim=1)",
        {"start_dim=1": ""},
    ),
    _net(
        "fc2 missing",
        "fc-missing",
        "three fully connected layers",
        {
            "self.fc2 = nn.Linear(4 * c, 2 * c)": "pass",
            "nn.Linear(2 * c, num": "nn.Linear(4 * c, num",
            "x = F.relu(self.fc2(x))": "pass",
        },
    ),
    _net(
        "a fourth fully connected layer",
        "fc-extra",
        "three fully connected layers",
        {
            "nn.Linear(2 * c, num_classes)": "nn.Linear(2 * c, 16)\n"
            "        self.fc4 = nn.Linear(16, num_classes)",
            LAST: "return self.fc4(F.relu(self.fc3(x)))",
        },
    ),
    _net(
        "a third convolution",
        "conv-extra",
        "two convolutions",
        {
            "self.conv2 =": "self.conv3 = nn.Conv2d(2 * c, 2 * c, 3, padding=1)\n"
            "        self.conv2 =",
            POOL_2: "F.max_pool2d(F.relu(self.conv3(x)), 2)",
        },
    ),
    _net(
        "layers hidden in a list",
        "fc-missing",
        "plain list",
        {
            "self.fc2 = nn.Linear(4 * c, 2 * c)": "self.hidden = [nn.Linear(4 * c, 2 * c)]",
            "self.fc2(x)": "self.hidden[0](x)",
        },
    ),
    _net(
        "batch normalisation after conv1",
        "conv1-norm",
        "batch normalisation after conv1",
        {
            "self.conv2 =": "self.norm = nn.BatchNorm2d(c)\n        self.conv2 =",
            RELU_1: "x = F.relu(self.norm(x))",
        },
    ),
    _net(
        "batch normalisation after both, registered last",
        "conv1-norm",
        "batch normalisation after conv2",
        {
            "num_classes)\n\n": "num_classes)\n        self.n1, self.n2 = "
            "nn.BatchNorm2d(c), nn.BatchNorm2d(2 * c)\n\n",
            RELU_1: "x = F.relu(self.n1(x))",
            RELU_2: "x = F.relu(self.n2(x))",
        },
    ),
    _net(
        "PReLU after fc1",
        "fc1-prelu",
        "a PReLU after fc1",
        {
            "self.fc2 = ": "self.prelu = nn.PReLU()\n        self.fc2 = ",
            FC1_RELU: "self.prelu(self.fc1(x))",
        },
    ),
    _net(
        "dropout that is always on",
        "random",
        "training=self.training",
        {LAST: "return self.fc3(F.dropout(x, 0.5))"},
    ),
    _net("zeros", "constant", "the same logits", {LAST: "return 0 * self.fc3(x)"}),
    _net(
        "no ReLU after conv1, softmax",
        "conv1-missing-relu",
        "softmax",
        {RELU_1: "pass", LAST: "return self.fc3(x).softmax(dim=1)"},
    ),
    _net(
        "kernel 3 and no ReLU after fc2",
        "conv1-kernel",
        "ReLU after fc2",
        {"c, 5)": "c, 3)", "11 * 11": "12 * 12", FC2_RELU: "self.fc2(x)"},
    ),
    _net(
        "average pooling and tanh",
        "conv1-tanh",
        "average pooling",
        {RELU_1: "x = x.tanh()", POOL_2: "F.avg_pool2d(x, 2)"},
    ),
    _net(
        "padding kept and fc1 too large",
        "conv1-padding",
        "fc1 has 64",
        {
            "c, 5)": "c, 5, padding=2)",
            "11 * 11, 4 * c": "14 * 14, 8 * c",
            "nn.Linear(4 * c": "nn.Linear(8 * c",
        },
    ),
    _net(
        "an activation that nobody has heard of",
        "",
        "fc1 puts out what it should, but what follows it does not",
        {FC1_RELU: "self.fc1(x).sin()"},
    ),
    _net(
        "images rescaled",
        "conv1-input",
        "divided by 255",
        {"x = self.conv1(images)": "x = self.conv1(images / 255)"},
    ),
    _net(
        "images normalised as MNIST's",
        "conv1-input",
        "MNIST's mean",
        {"x = self.conv1(images)": "x = self.conv1((images - 0.1307) / 0.3081)"},
    ),
    _net(
        "half subtracted from images",
        "conv1-input",
        "0.5 is subtracted",
        {"x = self.conv1(images)": "x = self.conv1(images - 0.5)"},
    ),
    _net("abs after conv1", "conv1-abs", "an absolute value", {RELU_1: "x = x.abs()"}),
    _net(
        "pooling 3x3/2/1 after conv1",
        "conv1-pool",
        "padding, and windows of 3x3",
        {POOL_1: "F.max_pool2d(x, 3, 2, 1)  # 1"},
    ),
    _net(
        "smallest after conv2",
        "conv2-pool",
        "smallest value",
        {POOL_2: "-F.max_pool2d(-x, 2)  # 2"},
    ),
    _net(
        "every other pixel after conv1",
        "conv1-pool",
        "first value of each block",
        {POOL_1: "x[:, :, ::2, ::2]  # 1"},
    ),
    _net(
        "dilated conv2, and an fc1 that fits",
        "conv2-dilation",
        "dilation 2",
        {"nn.Conv2d(c, 2 * c, 5)": "nn.Conv2d(c, 2 * c, 5, dilation=2)", "11 * 11": "9 * 9"},
    ),
    _net(
        "other defaults",
        "other-defaults",
        "Net() has other sizes than Net(num_channel=8, num_classes=10)",
        {"num_channel=8": "num_channel=16"},
    ),
    _net(
        "conv2 in groups",
        "conv2-groups",
        "conv2 has groups=8",
        {"c, 2 * c, 5": "c, 2 * c, 5, groups=c"},
    ),
    _net(
        "conv2 in two groups, and no ReLU after fc2",
        "conv2-groups",
        "ReLU after fc2",
        {"c, 2 * c, 5": "c, 2 * c, 5, groups=2 if c % 2 == 0 else c", FC2_RELU: "self.fc2(x)"},
    ),
    _net(
        "images mirrored",
        "conv1-input",
        "columns of the image",
        {"self.conv1(images)": "self.conv1(images.flip(3))"},
    ),
    _net(
        "rows and columns exchanged",
        "conv1-input",
        "rows and columns of the image",
        {"self.conv1(images)": "self.conv1(images.mT)"},
    ),
    _net(
        "flattened across the batch",
        "batch-mixed",
        "other logits in a batch than alone",
        {"x.flatten(start_dim=1)": "x.reshape(self.fc1.in_features, -1).T"},
    ),
    _net(
        "normalised by the batch",
        "batch-mixed",
        "other logits in a batch than alone",
        {RELU_1: "x = F.relu(F.batch_norm(x, None, None, training=True))"},
    ),
    _net(
        "convolutions frozen",
        "conv1-frozen",
        "no gradient reaches conv1, conv2",
        {
            "        self.fc1 =": "        self.conv1.requires_grad_(False)\n"
            "        self.conv2.requires_grad_(False)\n        self.fc1 ="
        },
    ),
    _net(
        "one bias frozen",
        "fc2-frozen",
        "no gradient reaches the bias of fc2",
        {"num_classes)\n\n": FROZEN_BIAS},
    ),
    _net(
        "detached behind the convolutions",
        "conv1-frozen",
        "no gradient reaches conv1, conv2",
        {"x = x.flatten(start_dim=1)": "x = x.detach().flatten(start_dim=1)"},
    ),
    _net(
        "no gradient at all",
        "fc2-frozen",
        "no gradient reaches conv1, conv2, fc1, fc2, fc3",
        {"    def forward": "    @torch.no_grad()\n    def forward"},
    ),
    _net(
        "the data of a weight",
        "fc1-frozen",
        "no gradient reaches fc1, so",
        {"self.fc1(x)": "F.linear(x, self.fc1.weight.data, self.fc1.bias.data)"},
    ),
    _net(
        "frozen, and a softmax at the end",
        "conv1-frozen",
        "softmax",
        {
            LAST: "return self.fc3(x).softmax(dim=1)",
            "        self.fc1 =": "        self.conv1.requires_grad_(False)\n        self.fc1 =",
        },
    ),
    _net("features returned too", "output-kind", "got tuple", {LAST: LAST + ", x"}),
    _net("nothing returned", "output-kind", "got NoneType", {"return ": ""}),
    _net(
        "the last layer's output rescaled",
        "",
        "look at its last lines",
        {LAST: "return 3 * self.fc3(x)"},
    ),
)

CHAINS = (
    _chain("no pooling", "chain-order", "max pooling is missing", {"F.max_pool2d(x, 2)": "x"}),
    _chain(
        "pooling last",
        "chain-order",
        "after both convolutions",
        {
            "x = F.max_pool2d(x, 2)": "x = F.conv2d(x, kernel[:, :1])",
            "return F.conv2d(x, kernel[:, :1])": "return F.max_pool2d(x, 2)",
        },
    ),
    _chain(
        "pooling first",
        "chain-order",
        "before both convolutions",
        {
            "x = F.conv2d(image, kernel)": "x = F.max_pool2d(image, 2)",
            "x = F.max_pool2d(x, 2)": "x = F.conv2d(x, kernel)",
        },
    ),
    _chain(
        "second convolution missing",
        "chain-order",
        "second convolution is missing",
        {"F.conv2d(x, kernel[:, :1])": "x"},
    ),
    _chain(
        "pooling twice",
        "chain-order",
        "pooling comes twice",
        {"F.max_pool2d(x, 2)": "F.max_pool2d(F.max_pool2d(x, 2), 2)"},
    ),
    _chain(
        "padding in the first",
        "chain-padding",
        "first convolution has padding 1",
        {"(image, kernel)\n    x = F.max": "(image, kernel, padding=1)\n    x = F.max"},
    ),
    _chain(
        "padding in both",
        "chain-padding",
        "second convolution has padding 1",
        {
            "F.conv2d(image, kernel)": "F.conv2d(image, kernel, padding=1)",
            "kernel[:, :1])": "kernel[:, :1], padding=1)",
        },
    ),
    _chain(
        "stride 2",
        "chain-stride",
        "stride 2",
        {
            "F.conv2d(image, kernel)": "F.conv2d(image, kernel, stride=2)",
            "kernel[:, :1])": "kernel[:, :1], stride=2)",
        },
    ),
    _chain(
        "stride 2 in the first",
        "chain-stride",
        "the first convolution has stride 2",
        {"F.conv2d(image, kernel)": "F.conv2d(image, kernel, stride=2)"},
    ),
    _chain(
        "the second dilated",
        "chain-dilation",
        "the second convolution has dilation 2",
        {"kernel[:, :1])": "kernel[:, :1], dilation=2)"},
    ),
    _chain("average pooling", "chain-pool", "average pooling", {"max_pool2d": "avg_pool2d"}),
    _chain("pooling 3x3", "chain-pool", "windows of 3x3", {"(x, 2)": "(x, 3)"}),
    _chain("pooling with stride 1", "chain-pool", "stride 1 instead of 2", {"(x, 2)": "(x, 2, 1)"}),
    _chain(
        "ReLU between",
        "chain-between",
        "a ReLU between",
        {"F.conv2d(image, kernel)": "F.conv2d(image, kernel).relu()"},
    ),
    _chain(
        "rescaled to [0, 1]",
        "chain-rescale",
        "rescaled to [0, 1]",
        {
            "return F.conv2d(x, kernel[:, :1])": "x = F.conv2d(x, kernel[:, :1])\n"
            "    return (x - x.min()) / (x.max() - x.min())"
        },
    ),
    _chain(
        "divided by the largest",
        "chain-rescale",
        "largest absolute value",
        {
            "return F.conv2d(x, kernel[:, :1])": "x = F.conv2d(x, kernel[:, :1])\n"
            "    return x / x.abs().max()"
        },
    ),
    _chain(
        "clipped to [0, 1]",
        "chain-rescale",
        "clipped",
        {"kernel[:, :1])": "kernel[:, :1]).clamp(0, 1)"},
    ),
    _chain(
        "multiplied by a constant",
        "chain-rescale",
        "multiplied by the same factor",
        {"kernel[:, :1])": "kernel[:, :1]) * 0.5"},
    ),
    _chain(
        "the kernel made small",
        "chain-rescale",
        "multiplied by the same factor",
        {"x = F.conv2d(image": "kernel = kernel / kernel.norm()\n    x = F.conv2d(image"},
    ),
    _chain(
        "all slices in the second convolution",
        "chain-kernel",
        "all three channel slices",
        {"F.conv2d(x, kernel[:, :1])": "F.conv2d(x.expand(3, -1, -1), kernel)"},
    ),
    _chain(
        "kernel transposed",
        "chain-kernel",
        "exchanged in the second convolution",
        {"kernel[:, :1])": "kernel[:, :1].mT)"},
    ),
    _chain(
        "kernel flipped",
        "chain-flipped",
        "180 degrees",
        {"x = F.conv2d(image": "kernel = kernel.flip(2, 3)\n    x = F.conv2d(image"},
    ),
    _chain(
        "an absolute value between",
        "chain-between",
        "largest absolute value of each block",
        {"F.conv2d(image, kernel)": "F.conv2d(image, kernel).abs()"},
    ),
    _chain(
        "dilated",
        "chain-dilation",
        "dilation 2",
        {
            "(image, kernel)\n    x = F.max": "(image, kernel, dilation=2)\n    x = F.max",
            "kernel[:, :1])": "kernel[:, :1], dilation=2)",
        },
    ),
    _chain(
        "rounded up",
        "chain-pool",
        "rounds up",
        {"(x, 2)": "(x, 2, ceil_mode=True)"},
    ),
    _chain(
        "pooling 3x3/2/1",
        "chain-pool",
        "padding, and windows of 3x3 that overlap",
        {"(x, 2)": "(x, 3, 2, 1)"},
    ),
    _chain(
        "smallest", "chain-pool", "smallest value", {"F.max_pool2d(x, 2)": "-F.max_pool2d(-x, 2)"}
    ),
    _chain(
        "largest absolute value",
        "chain-between",
        "largest absolute value of each block",
        {"F.max_pool2d(x, 2)": "F.max_pool2d(x.abs(), 2)"},
    ),
    _chain(
        "every other pixel",
        "chain-pool",
        "first value of each block",
        {"F.max_pool2d(x, 2)": "x[:, : x.shape[1] // 2 * 2 : 2, : x.shape[2] // 2 * 2 : 2]"},
    ),
    _chain(
        "kernel mirrored",
        "chain-flipped",
        "columns of the kernel",
        {"x = F.conv2d(image": "kernel = kernel.flip(3)\n    x = F.conv2d(image"},
    ),
    _chain(
        "kernel upside down",
        "chain-flipped",
        "rows of the kernel",
        {"x = F.conv2d(image": "kernel = kernel.flip(-2)\n    x = F.conv2d(image"},
    ),
    _chain(
        "both kernels transposed",
        "chain-kernel",
        "rows and columns of the kernel are exchanged",
        {"x = F.conv2d(image": "kernel = kernel.mT\n    x = F.conv2d(image"},
    ),
    _chain(
        "image normalised as MNIST's",
        "chain-input",
        "MNIST's mean",
        {"(image, kernel)\n": "((image - 0.1307) / 0.3081, kernel)\n"},
    ),
    _chain(
        "image to [-1, 1]",
        "chain-input",
        "to [-1, 1]",
        {"(image, kernel)\n": "((image - 0.5) / 0.5, kernel)\n"},
    ),
    _chain(
        "half subtracted",
        "chain-input",
        "0.5 is",
        {"(image, kernel)\n": "(image - 0.5, kernel)\n"},
    ),
    _chain(
        "divided by 255", "chain-input", "by 255", {"(image, kernel)\n": "(image / 255, kernel)\n"}
    ),
    _chain(
        "one channel of the image",
        "chain-channels",
        "first channel of the image",
        {"F.conv2d(image, kernel)": "F.conv2d(image[:1], kernel[:, :1])"},
    ),
    _chain(
        "colours averaged",
        "chain-channels",
        "averaged",
        {"F.conv2d(image, kernel)": "F.conv2d(image.mean(0, keepdim=True), kernel[:, :1])"},
    ),
    _chain(
        "each colour on its own",
        "chain-channels",
        "three channels come out",
        {
            "F.conv2d(image, kernel)": "F.conv2d(image, kernel.transpose(0, 1), groups=3)",
            "F.conv2d(x, kernel[:, :1])": "F.conv2d(x, kernel.transpose(0, 1), groups=3)",
        },
    ),
    _chain(
        "colours added up after the pooling",
        "chain-channels",
        "already adds them up",
        {"F.conv2d(image, kernel)": "F.conv2d(image, kernel.transpose(0, 1), groups=3)"}
        | {"F.max_pool2d(x, 2)": "F.max_pool2d(x, 2).sum(0, keepdim=True)"},
    ),
    _chain(
        "image mirrored",
        "chain-input",
        "columns of the image",
        {"(image, kernel)\n": "(image.flip(-1), kernel)\n"},
    ),
    _chain(
        "image upside down",
        "chain-input",
        "rows of the image",
        {"(image, kernel)\n": "(image.flip(1), kernel)\n"},
    ),
    _chain(
        "rows and columns of the image exchanged",
        "chain-input",
        "rows and columns of the image",
        {"(image, kernel)\n": "(image.mT, kernel)\n"},
    ),
    _chain(
        "dropout",
        "chain-random",
        "two different answers",
        {"F.max_pool2d(x, 2)": "F.dropout(F.max_pool2d(x, 2), 0.5)"},
    ),
    _chain(
        "all steps returned", "output-kind", "got tuple", {"kernel[:, :1])": "kernel[:, :1]), x"}
    ),
    Mutant(
        "kernel of the notebook",
        "conv_pool_conv",
        "the_kernel = torch.randn(1, 1, 3, 3).repeat(1, 3, 1, 1)\n"
        + CHAIN.replace(
            "(image, kernel)\n    x = F.max", "(image, the_kernel)\n    x = F.max"
        ).replace("kernel[:, :1]", "the_kernel[:, :1]"),
        "chain-globals",
        "does not use its argument `kernel`",
    ),
    Mutant(
        "image of the notebook",
        "conv_pool_conv",
        "photo = torch.rand(3, 40, 50)\n" + CHAIN.replace("F.conv2d(image", "F.conv2d(photo"),
        "chain-globals",
        "does not use its argument `image`",
    ),
    _chain(
        "modules with random weights",
        "chain-random",
        "weights or a bias of its own",
        {
            "F.conv2d(image, kernel)": "nn.Conv2d(3, 1, 3, bias=False)(image)",
            "F.conv2d(x, kernel[:, :1])": "nn.Conv2d(1, 1, 3, bias=False)(x)",
        },
    ),
    _chain(
        "a module with the kernel and a random bias",
        "chain-random",
        "weights or a bias of its own",
        {
            "x = F.conv2d(image, kernel)": "first = nn.Conv2d(3, 1, 3)\n"
            "    first.weight = nn.Parameter(kernel)\n    x = first(image)"
        },
    ),
    Mutant(
        "modules made once outside",
        "conv_pool_conv",
        "first = nn.Conv2d(3, 1, 3)\nsecond = nn.Conv2d(1, 1, 3)\n"
        + CHAIN.replace("F.conv2d(image, kernel)", "first(image)").replace(
            "F.conv2d(x, kernel[:, :1])", "second(x)"
        ),
        "chain-globals",
        "module's own weights",
    ),
    Mutant(
        "one module made outside",
        "conv_pool_conv",
        "second = nn.Conv2d(1, 1, 3, bias=False)\n"
        + CHAIN.replace("F.conv2d(x, kernel[:, :1])", "second(x)"),
        "chain-other-kernel",
        "not the kernel as it comes in",
    ),
    _chain("a bias added", "chain-bias", "bias", {"kernel[:, :1])": "kernel[:, :1]) + 0.1"}),
    _chain(
        "argument changed in place",
        "chain-in-place",
        "changes its arguments",
        {"x = F.conv2d(image": "image -= image.mean()\n    x = F.conv2d(image"},
    ),
    _chain(
        "argument gets another shape in place",
        "chain-in-place",
        "changes its arguments",
        {"x = F.conv2d(image": "image.unsqueeze_(0)\n    x = F.conv2d(image"},
    ),
    _chain(
        "padding and average pooling",
        "chain-padding",
        "average pooling",
        {
            "F.conv2d(image, kernel)": "F.conv2d(image, kernel, padding=1)",
            "max_pool2d": "avg_pool2d",
        },
    ),
    _chain(
        "ReLU between and at the end",
        "chain-between",
        "ReLU is applied to the result",
        {
            "F.conv2d(image, kernel)": "F.conv2d(image, kernel).relu()",
            "kernel[:, :1])": "kernel[:, :1]).relu()",
        },
    ),
    _chain(
        "returned as an array",
        "output-kind",
        "ndarray",
        {"kernel[:, :1])": "kernel[:, :1]).numpy()"},
    ),
    _chain("nothing returned", "output-kind", "NoneType", {"return ": "x = "}),
)

MUTANTS = (*CHAINS, *NETS)
