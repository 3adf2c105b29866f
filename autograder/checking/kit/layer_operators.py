"""Mutants of a module's layers: another padding, no bias, another cell, a layer left out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from autograder.checking.kit.mutant import Mutant, Rebuild
from autograder.checking.kit.running import is_layer

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d)
_POOLS = {
    nn.MaxPool1d: nn.AvgPool1d,
    nn.MaxPool2d: nn.AvgPool2d,
    nn.AvgPool1d: nn.MaxPool1d,
    nn.AvgPool2d: nn.MaxPool2d,
}
_ADAPTIVE = {
    nn.AdaptiveAvgPool1d: nn.AdaptiveMaxPool1d,
    nn.AdaptiveAvgPool2d: nn.AdaptiveMaxPool2d,
    nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
}
_SETTINGS = "in_channels out_channels kernel_size stride padding dilation groups"
_CELL_SETTINGS = "input_size hidden_size num_layers bias batch_first bidirectional"
_CELLS = (nn.RNN, nn.GRU, nn.LSTM)


def layer_mutants(module: nn.Module) -> Iterator[Mutant]:
    """Yield what can be wrong with the layers of a module that PyTorch brings."""
    layers = {name: layer for name, layer in module.named_modules() if name and is_layer(layer)}
    for name, layer in layers.items():
        same = [other for other, theirs in layers.items() if type(theirs) is type(layer)]
        number = f"-{same.index(name) + 1}" if len(same) > 1 else ""
        op = f"{type(layer).__name__}{number}"
        place = f" number {same.index(name) + 1}" if len(same) > 1 else ""
        phrase = f"the {type(layer).__name__} layer{place}"
        for what, words, kind, rebuild in _of_layer(layer, phrase):
            yield Mutant(what.format(op=op), words, kind, rebuilt=((name, rebuild),))


def _of_layer(layer: nn.Module, phrase: str) -> Iterator[tuple[str, str, str, Rebuild]]:
    """Yield name, words, kind and maker of what may stand in a layer's place."""
    if any(True for _ in layer.parameters()):
        yield "without-{op}", f"{phrase} were missing", "left out", lambda _: nn.Identity()
    if isinstance(layer, (nn.Linear, *_CONVOLUTIONS)):
        has = layer.bias is not None
        words = f"{phrase} had {'no' if has else 'a'} bias"
        name = "{op}-" + ("without" if has else "with") + "-bias"
        yield name, words, "bias", lambda old: _made_anew(old, bias=not has)
    if isinstance(layer, _CONVOLUTIONS):
        yield from _of_convolution(layer, phrase)
    if type(layer) in _POOLS:
        yield from _of_pool(layer, phrase)
    if type(layer) in _ADAPTIVE:
        other: Any = _ADAPTIVE[type(layer)]
        kind = "maximum" if "Max" in other.__name__ else "average"
        words = f"a {kind} were taken by {phrase}"
        yield "{op}-as-" + kind, words, "pooling", lambda old: other(old.output_size)
    if isinstance(layer, _CELLS):
        yield from _of_cell(layer, phrase)
    if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm | nn.GroupNorm):
        words = f"{phrase} had no weights of its own"
        yield "{op}-without-weights", words, "bias", _without_weights
    if isinstance(layer, nn.EmbeddingBag):
        for mode in {"sum", "mean", "max"} - {layer.mode}:
            words = f"{phrase} took the {mode} of the bag"
            yield "{op}-" + mode, words, "pooling", lambda old, mode=mode: _with(old, mode=mode)  # type: ignore[misc]
    if isinstance(layer, nn.Upsample):
        mode = "nearest" if layer.mode != "nearest" else "bilinear"
        yield (
            "{op}-" + mode,
            f"{phrase} worked by {mode}",
            "pooling",
            lambda old: _with(old, mode=mode),
        )
    if isinstance(layer, nn.MultiheadAttention):
        for heads in {1, layer.num_heads * 2} - {layer.num_heads}:
            if layer.embed_dim % heads == 0:
                width = layer.embed_dim // heads
                words = f"{phrase} had {heads} heads"
                yield (
                    "{op}-heads-" + str(heads),
                    words,
                    "cell",
                    lambda old, heads=heads, width=width: _with(  # type: ignore[misc]
                        old, num_heads=heads, head_dim=width
                    ),
                )


def _of_convolution(layer: Any, phrase: str) -> Iterator[tuple[str, str, str, Rebuild]]:
    for key, least in (("stride", 1), ("padding", 0), ("dilation", 1)):
        now = getattr(layer, key)
        if isinstance(now, str):
            continue
        for to in {now[0] + 1, max(now[0] - 1, least)} - {now[0]}:
            words = f"{phrase} had a {key} of {to}"
            yield (
                "{op}-" + f"{key}-{to}",
                words,
                "convolution",
                lambda old, key=key, to=to: _with(old, **{key: (to,) * len(getattr(old, key))}),  # type: ignore[misc]
            )
    if isinstance(layer.padding, str):
        return
    for size in {layer.kernel_size[0] - 2, layer.kernel_size[0] + 2}:
        padding = layer.padding[0] + (size - layer.kernel_size[0]) // 2
        if size > 0 and padding >= 0:
            words = f"{phrase} had kernels of size {size}"
            yield (
                "{op}-" + f"size-{size}",
                words,
                "convolution",
                lambda old, size=size, padding=padding: _made_anew(  # type: ignore[misc]
                    old, kernel_size=size, padding=padding
                ),
            )


def _of_pool(layer: Any, phrase: str) -> Iterator[tuple[str, str, str, Rebuild]]:
    other: Any = _POOLS[type(layer)]
    kind = "maximum" if "Max" in other.__name__ else "average"
    yield (
        "{op}-as-" + kind,
        f"{phrase} took the {kind}",
        "pooling",
        lambda old: other(old.kernel_size, old.stride, old.padding),
    )
    if isinstance(layer.kernel_size, int):
        for to in (layer.kernel_size - 1, layer.kernel_size + 1):
            if to > 0:
                words = f"{phrase} had windows of size {to}"
                yield (
                    "{op}-" + f"size-{to}",
                    words,
                    "pooling",
                    lambda old, to=to: _with(old, kernel_size=to, stride=to),  # type: ignore[misc]
                )
        words = f"{phrase} moved by one"
        yield "{op}-stride-1", words, "pooling", lambda old: _with(old, stride=1)


def _of_cell(layer: Any, phrase: str) -> Iterator[tuple[str, str, str, Rebuild]]:
    for cell in _CELLS:
        if not isinstance(layer, cell):
            name = cell.__name__
            words = f"{phrase} were an nn.{name}"
            yield "{op}-as-" + name, words, "cell", lambda old, cell=cell: _cell(old, cell)  # type: ignore[misc]
    if type(layer) is nn.RNN:
        other = "relu" if layer.nonlinearity == "tanh" else "tanh"
        words = f"a {other} stood in {phrase}"
        yield (
            "{op}-" + other,
            words,
            "activation",
            lambda old: _cell(old, nn.RNN, nonlinearity=other),
        )
    for what, words, changed in (
        ("without-bias", "had no biases", {"bias": not layer.bias}),
        ("more-layers", "had one layer more", {"num_layers": layer.num_layers + 1}),
        ("fewer-layers", "had one layer less", {"num_layers": layer.num_layers - 1}),
        ("directions", "ran in both directions", {"bidirectional": not layer.bidirectional}),
    ):
        if changed.get("num_layers", 1) > 0:
            yield (
                "{op}-" + what,
                f"{phrase} {words}",
                "cell",
                lambda old, changed=changed: _cell(old, type(old), **changed),  # type: ignore[misc]
            )
    words = f"{phrase} took the batch for the time, and the time for the batch"
    yield (
        "{op}-batch-first",
        words,
        "axis",
        lambda old: _with(old, batch_first=not old.batch_first),
    )


def _with(layer: nn.Module, **attributes: Any) -> nn.Module:
    """Return a copy of a layer with other settings and the same parameters' shapes."""
    other = copy.deepcopy(layer)
    for name, value in attributes.items():
        setattr(other, name, value)
    return other


def _made_anew(layer: Any, **changed: Any) -> nn.Module:
    """Return a layer of the same class, some of its settings changed."""
    if isinstance(layer, nn.Linear):
        settings: Mapping[str, Any] = {
            "in_features": layer.in_features,
            "out_features": layer.out_features,
        }
        return nn.Linear(**{**settings, "bias": layer.bias is not None, **changed})
    settings = {name: getattr(layer, name) for name in _SETTINGS.split()}
    made: nn.Module = type(layer)(**{**settings, "bias": layer.bias is not None, **changed})
    return made


def _cell(layer: Any, cell: type[nn.RNNBase], **changed: Any) -> nn.Module:
    return cell(**{**{name: getattr(layer, name) for name in _CELL_SETTINGS.split()}, **changed})


def _without_weights(layer: Any) -> nn.Module:
    if isinstance(layer, nn.LayerNorm):
        return nn.LayerNorm(layer.normalized_shape, layer.eps, elementwise_affine=False)
    if isinstance(layer, nn.GroupNorm):
        return nn.GroupNorm(layer.num_groups, layer.num_channels, layer.eps, affine=False)
    made: nn.Module = type(layer)(layer.num_features, eps=layer.eps, affine=False)
    return made
