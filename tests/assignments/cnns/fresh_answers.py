"""Answers written from the text of exercises 1 and 2 alone, before any check was read.

They stand as a class would hand them in, and were not bent to what the checks can tell.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Chain = Callable[[Tensor, Tensor], object]


# --- conv_pool_conv, right ---


def with_a_batch_of_one(image, kernel):
    batch = image[None]
    batch = F.conv2d(batch, weight=kernel, stride=1, padding=0)
    batch = F.max_pool2d(batch, kernel_size=(2, 2), stride=(2, 2))
    return F.conv2d(batch, weight=kernel[0:1, 0:1]).squeeze(0)


def with_windows_and_einsum(image, kernel):
    windows = image.unfold(1, 3, 1).unfold(2, 3, 1)  # (3, H - 2, W - 2, 3, 3)
    first = torch.einsum("chwij,ocij->ohw", windows, kernel)
    pooled = first.unfold(1, 2, 2).unfold(2, 2, 2).amax(dim=(-1, -2))
    windows = pooled[0].unfold(0, 3, 1).unfold(1, 3, 1)
    return torch.einsum("hwij,ij->hw", windows, kernel[0, 0]).unsqueeze(0)


def with_modules_of_ones_own(image, kernel):
    conv1 = nn.Conv2d(3, 1, 3, bias=False)
    pool = nn.MaxPool2d(2)
    conv2 = nn.Conv2d(1, 1, 3, bias=False)
    with torch.no_grad():
        conv1.weight.copy_(kernel)
        conv2.weight.copy_(kernel[:, :1])
        return conv2(pool(conv1(image)))


def with_numpy(image, kernel):
    def convolve(planes, weights):
        windows = np.lib.stride_tricks.sliding_window_view(planes, (3, 3), axis=(1, 2))
        return np.tensordot(windows, weights, axes=[(0, 3, 4), (0, 1, 2)])

    weights = kernel.numpy()[0]
    first = convolve(image.numpy(), weights)
    h, w = first.shape[0] // 2, first.shape[1] // 2
    pooled = first[: 2 * h, : 2 * w].reshape(h, 2, w, 2).max(axis=(1, 3))
    return torch.from_numpy(convolve(pooled[None], weights[:1])[None].astype(np.float32))


def with_one_colour_after_the_other(image, kernel):
    first = F.conv2d(image, kernel.transpose(0, 1), groups=3).sum(dim=0, keepdim=True)
    return F.conv2d(F.max_pool2d(first, 2), kernel[:, [0]])


def with_the_mean_of_equal_slices(image, kernel):
    x = F.max_pool2d(F.conv2d(image, kernel), 2)
    return F.conv2d(x, kernel.mean(dim=1, keepdim=True))


def with_the_colours_summed_first(image, kernel):
    one = kernel[:, :1]
    grey = image.sum(dim=0, keepdim=True)
    return F.conv2d(F.max_pool2d(F.conv2d(grey, one), 2), one)


def with_loops(image, kernel):
    def convolve(x, k):
        height, width = x.shape[1] - 2, x.shape[2] - 2
        out = torch.zeros(1, height, width)
        for i in range(height):
            for j in range(width):
                out[0, i, j] = (x[:, i : i + 3, j : j + 3] * k[0]).sum()
        return out

    first = convolve(image, kernel)
    pooled = torch.zeros(1, first.shape[1] // 2, first.shape[2] // 2)
    for i in range(pooled.shape[1]):
        for j in range(pooled.shape[2]):
            pooled[0, i, j] = first[0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    return convolve(pooled, kernel[:, :1])


def with_the_largest_of_four_corners(image, kernel):
    x = F.conv2d(image, kernel)
    x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    rows = torch.maximum(x[:, ::2], x[:, 1::2])
    return F.conv2d(torch.maximum(rows[..., ::2], rows[..., 1::2]), kernel[:, 0:1, :, :])


def with_a_sum_of_shifted_images(image, kernel):
    def convolve(x, k):
        height, width = x.shape[-2] - 2, x.shape[-1] - 2
        return sum(
            (k[0, :, i, j, None, None] * x[:, i : i + height, j : j + width]).sum(0, keepdim=True)
            for i in range(3)
            for j in range(3)
        )

    return convolve(F.max_pool2d(convolve(image, kernel), 2), kernel[:, :1])


# --- conv_pool_conv, wrong ---


def repeats_the_channel_three_times(image, kernel):
    x = F.max_pool2d(F.conv2d(image, kernel), 2)
    return F.conv2d(x.repeat(3, 1, 1), kernel)


def leaves_the_bias_of_a_module(image, kernel):
    conv1, conv2 = nn.Conv2d(3, 1, 3), nn.Conv2d(1, 1, 3)
    with torch.no_grad():
        conv1.weight.copy_(kernel)
        conv2.weight.copy_(kernel[:, :1])
        return conv2(F.max_pool2d(conv1(image), 2))


def lets_a_module_make_its_kernel(image, kernel):
    x = nn.Conv2d(3, 1, 3, bias=False)(image)
    x = nn.MaxPool2d(2, 2)(x)
    return nn.Conv2d(1, 1, 3, bias=False)(x).detach()


def convolves_twice_then_pools(image, kernel):
    x = F.conv2d(F.conv2d(image, kernel), kernel[:, :1])
    return F.max_pool2d(x, 2)


def averages_the_colours(image, kernel):
    grey = image.mean(dim=0, keepdim=True)
    x = F.max_pool2d(F.conv2d(grey, kernel[:, :1]), 2)
    return F.conv2d(x, kernel[:, :1])


def returns_every_step(image, kernel):
    first = F.conv2d(image, kernel)
    pooled = F.max_pool2d(first, 2)
    return first, pooled, F.conv2d(pooled, kernel[:, :1])


def evens_out_the_kernel(image, kernel):
    kernel = kernel / kernel.abs().sum()
    return F.conv2d(F.max_pool2d(F.conv2d(image, kernel), 2), kernel[:, :1])


def stretches_to_zero_and_one(image, kernel):
    x = F.conv2d(F.max_pool2d(F.conv2d(image, kernel), 2), kernel[:, :1])
    return (x - x.min()) / (x.max() - x.min())


def pools_once_more_at_the_end(image, kernel):
    x = F.max_pool2d(F.conv2d(image, kernel), 2)
    return F.max_pool2d(F.conv2d(x, kernel[:, :1]), 2)


def clips_and_averages(image, kernel):
    x = F.relu(F.conv2d(image, kernel))
    return F.conv2d(F.avg_pool2d(x, 2), kernel[:, :1])


# --- Net, right ---


class Lazy(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.conv1 = nn.LazyConv2d(num_channel, 5)
        self.conv2 = nn.LazyConv2d(2 * num_channel, 5)
        self.fc1 = nn.LazyLinear(4 * num_channel)
        self.fc2 = nn.LazyLinear(2 * num_channel)
        self.fc3 = nn.LazyLinear(num_classes)
        self(torch.zeros(2, 1, 56, 56))  # now every layer knows its size

    def forward(self, images):
        x = F.max_pool2d(self.conv1(images).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        x = self.fc1(x.flatten(1)).relu()
        return self.fc3(self.fc2(x).relu())


class AllConvolutions(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.net = nn.Sequential(
            *[nn.Conv2d(1, c, 5), nn.ReLU(), nn.MaxPool2d(2, 2)],
            *[nn.Conv2d(c, 2 * c, 5), nn.ReLU(), nn.MaxPool2d(2, 2)],
            *[nn.Conv2d(2 * c, 4 * c, 11), nn.ReLU()],
            *[nn.Conv2d(4 * c, 2 * c, 1), nn.ReLU()],
            nn.Conv2d(2 * c, num_classes, 1),
        )

    def forward(self, images):
        return self.net(images)[:, :, 0, 0]


class Dense(nn.Module):
    """A fully connected layer whose weight is stored as (inputs, outputs)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.w = nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)
        self.b = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.w + self.b


class OwnLayers(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(1, num_channel, kernel_size=5)
        self.second = nn.Conv2d(num_channel, num_channel * 2, kernel_size=5)
        self.a = Dense(num_channel * 2 * 11 * 11, num_channel * 4)
        self.b = Dense(num_channel * 4, num_channel * 2)
        self.c = Dense(num_channel * 2, num_classes)

    def forward(self, images):
        x = F.max_pool2d(torch.relu(self.first(images)), 2)
        x = F.max_pool2d(torch.relu(self.second(x)), 2)
        x = torch.relu(self.a(torch.flatten(x, start_dim=1)))
        return self.c(torch.relu(self.b(x)))


class PatchConvolution(nn.Module):
    """A 5x5 convolution as a fully connected layer on patches."""

    def __init__(self, channels_in, channels_out):
        super().__init__()
        self.linear = nn.Linear(25 * channels_in, channels_out)

    def forward(self, x):
        side = x.shape[-1] - 4
        patches = F.unfold(x, 5).transpose(1, 2)  # (N, positions, 25 * channels)
        return self.linear(patches).transpose(1, 2).unflatten(2, (side, side))


class Patches(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.body = nn.Sequential(
            *[PatchConvolution(1, c), nn.ReLU(), nn.MaxPool2d(2)],
            *[PatchConvolution(c, 2 * c), nn.ReLU(), nn.MaxPool2d(2)],
        )
        self.head = nn.Sequential(
            *[nn.Flatten(), nn.Linear(242 * c, 4 * c), nn.ReLU()],
            *[nn.Linear(4 * c, 2 * c), nn.ReLU(), nn.Linear(2 * c, num_classes)],
        )

    def forward(self, images):
        return self.head(self.body(images))


class FromATable(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        sizes = [242 * c, 4 * c, 2 * c, num_classes]
        self.layers = nn.ModuleDict()
        for i, (a, b) in enumerate([(1, c), (c, 2 * c)], 1):
            self.layers[f"conv{i}"] = nn.Conv2d(a, b, (5, 5))
        for i in range(3):
            self.layers[f"FC{i + 1}"] = nn.Linear(sizes[i], sizes[i + 1])

    def forward(self, images):
        x = images
        for name, layer in self.layers.items():
            if name == "FC1":
                x = x.view(x.size(0), -1)
            x = layer(x)
            if name != "FC3":
                x = F.relu(x)
            if name.startswith("conv"):
                x = F.max_pool2d(x, 2)
        return x


class Adaptive(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.features = nn.Sequential(
            *[nn.Conv2d(1, c, 5), nn.ReLU(inplace=True), nn.AdaptiveMaxPool2d(26)],
            *[nn.Conv2d(c, 2 * c, 5), nn.ReLU(inplace=True), nn.AdaptiveMaxPool2d(11)],
        )
        self.fc = nn.Sequential(
            *[nn.Linear(2 * c * 121, 4 * c), nn.ReLU(inplace=True)],
            *[nn.Linear(4 * c, 2 * c), nn.ReLU(inplace=True), nn.Linear(2 * c, num_classes)],
        )

    def forward(self, images):
        return self.fc(self.features(images).flatten(start_dim=1))


class BiasApart(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.k1 = nn.Parameter(0.2 * torch.randn(c, 1, 5, 5))
        self.k2 = nn.Parameter(0.1 * torch.randn(2 * c, c, 5, 5))
        self.b1 = nn.Parameter(torch.zeros(c, 1, 1))
        self.b2 = nn.Parameter(torch.zeros(2 * c, 1, 1))
        self.fcs = nn.ModuleList(
            [nn.Linear(242 * c, 4 * c), nn.Linear(4 * c, 2 * c), nn.Linear(2 * c, num_classes)]
        )

    def forward(self, images):
        x = F.max_pool2d(F.relu(F.conv2d(images, self.k1) + self.b1), 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, self.k2) + self.b2), 2).flatten(1)
        return self.fcs[2](F.relu(self.fcs[1](F.relu(self.fcs[0](x)))))


class OneImageAfterTheOther(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, num_channel, 5)
        self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5)
        self.fc1 = nn.Linear(2 * num_channel * 11 * 11, 4 * num_channel)
        self.fc2 = nn.Linear(4 * num_channel, 2 * num_channel)
        self.fc3 = nn.Linear(2 * num_channel, num_classes)

    def forward(self, images):
        logits = []
        for image in images:
            x = F.max_pool2d(F.relu(self.conv1(image)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = F.relu(self.fc1(x.flatten()))
            logits.append(self.fc3(F.relu(self.fc2(x))))
        return torch.stack(logits)


class ChannelsLast(nn.Module):
    """Flattens with the channels last: FC1's weights come in another order, no more."""

    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.conv1, self.conv2 = nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)
        self.fc1, self.fc2 = nn.Linear(242 * c, 4 * c), nn.Linear(4 * c, 2 * c)
        self.fc3 = nn.Linear(2 * c, num_classes)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class MeasuredAndInitialised(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.features = nn.Sequential()
        for i, (a, b) in enumerate([(1, c), (c, 2 * c)]):
            self.features.add_module(f"conv{i}", nn.Conv2d(a, b, 5))
            self.features.add_module(f"pool{i}", nn.MaxPool2d(2))  # pooling and ReLU commute
            self.features.add_module(f"relu{i}", nn.ReLU())
        with torch.no_grad():
            values = self.features(torch.zeros(1, 1, 56, 56)).numel()
        self.classifier = nn.Sequential(
            *[nn.Flatten(), nn.Linear(values, 4 * c), nn.ReLU(), nn.Dropout(0.0)],
            *[nn.Linear(4 * c, 2 * c), nn.ReLU(), nn.Linear(2 * c, num_classes)],
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        assert images.dim() == 4, images.shape
        return self.classifier(self.features(images))


# --- Net, wrong ---


class Plain(nn.Module):
    """What the wrong ones below begin with; it is right itself."""

    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, num_channel, 5)
        self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5)
        self.fc1 = nn.Linear(2 * num_channel * 11 * 11, 4 * num_channel)
        self.fc2 = nn.Linear(4 * num_channel, 2 * num_channel)
        self.fc3 = nn.Linear(2 * num_channel, num_classes)

    def features(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)

    def head(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    def forward(self, images):
        return self.head(self.features(images).flatten(1))


class LayersInAList(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        c = num_channel
        self.convs = [nn.Conv2d(1, c, 5), nn.Conv2d(c, 2 * c, 5)]
        self.fc1 = nn.Linear(242 * c, 4 * c)
        self.fc2 = nn.Linear(4 * c, 2 * c)
        self.fc3 = nn.Linear(2 * c, num_classes)

    def forward(self, images):
        x = images
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class DropoutNeverOff(Plain):
    def head(self, x):
        x = F.dropout(F.relu(self.fc1(x)), 0.5)
        return self.fc3(F.relu(self.fc2(x)))


class TheBatchAtTheEnd(Plain):
    def forward(self, images):
        x = self.features(images)
        return self.head(x.reshape(self.fc1.in_features, -1).T)


class StandardisedBatch(Plain):
    def forward(self, images):
        return super().forward((images - images.mean()) / images.std())


class NoGradientForFeatures(Plain):
    def forward(self, images):
        with torch.no_grad():
            x = self.features(images)
        return self.head(x.flatten(1))


class FrozenConvolutions(Plain):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__(num_channel, num_classes)
        for conv in (self.conv1, self.conv2):
            conv.requires_grad_(False)


class SizesOfLeNet(Plain):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__(num_channel, num_classes)
        self.fc1 = nn.Linear(2 * num_channel * 11 * 11, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)


class Depthwise(Plain):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__(num_channel, num_classes)
        self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5, groups=num_channel)


class LayersMadeInForward(nn.Module):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__()
        self.c, self.k = num_channel, num_classes
        self.conv1 = nn.Conv2d(1, num_channel, 5)
        self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 5)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        self.fc1 = nn.Linear(x.shape[1], 4 * self.c)
        self.fc2 = nn.Linear(4 * self.c, 2 * self.c)
        self.fc3 = nn.Linear(2 * self.c, self.k)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class LogitsAndFeatures(Plain):
    def forward(self, images):
        x = self.features(images)
        return self.head(x.flatten(1)), x


class SoftmaxOverTheBatch(Plain):
    def forward(self, images):
        return super().forward(images).softmax(dim=0)


class SmallKernelAndSigmoid(Plain):
    def __init__(self, num_channel=8, num_classes=10):
        super().__init__(num_channel, num_classes)
        self.conv2 = nn.Conv2d(num_channel, 2 * num_channel, 3)
        self.fc1 = nn.Linear(2 * num_channel * 12 * 12, 4 * num_channel)

    def forward(self, images):
        return torch.sigmoid(super().forward(images))


RIGHT_CHAINS = (
    with_a_batch_of_one,
    with_windows_and_einsum,
    with_modules_of_ones_own,
    with_numpy,
    with_one_colour_after_the_other,
    with_the_mean_of_equal_slices,
    with_the_colours_summed_first,
    with_loops,
    with_the_largest_of_four_corners,
    with_a_sum_of_shifted_images,
)
RIGHT_NETS = (
    Lazy,
    AllConvolutions,
    OwnLayers,
    Patches,
    FromATable,
    Adaptive,
    BiasApart,
    OneImageAfterTheOther,
    ChannelsLast,
    MeasuredAndInitialised,
)
WRONG_CHAINS = {  # what the feedback has to name
    repeats_the_channel_three_times: {"chain-kernel"},
    leaves_the_bias_of_a_module: {"chain-random"},
    lets_a_module_make_its_kernel: {"chain-random"},
    convolves_twice_then_pools: {"chain-order"},
    averages_the_colours: {"chain-channels"},
    returns_every_step: {"output-kind"},
    evens_out_the_kernel: {"chain-rescale"},
    stretches_to_zero_and_one: {"chain-rescale"},
    pools_once_more_at_the_end: {"chain-order"},
    clips_and_averages: {"chain-between", "chain-pool"},
}
WRONG_NETS = {
    LayersInAList: {"conv-missing"},
    DropoutNeverOff: {"random"},
    TheBatchAtTheEnd: {"batch-mixed"},
    StandardisedBatch: {"conv1-input"},
    NoGradientForFeatures: {"conv1-frozen", "conv2-frozen"},
    FrozenConvolutions: {"conv1-frozen", "conv2-frozen"},
    SizesOfLeNet: {"fc1-size", "fc2-size"},
    Depthwise: {"conv2-groups"},
    LayersMadeInForward: {"fc-missing"},
    LogitsAndFeatures: {"output-kind"},
    SoftmaxOverTheBatch: {"fc3-extra-softmax over the batch"},
    SmallKernelAndSigmoid: {"conv2-kernel", "fc3-extra-sigmoid"},
}
