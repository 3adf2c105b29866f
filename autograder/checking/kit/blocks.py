"""Pure: the blocks that parameters are made of, so that any way of cutting them up is recognised.

The gates of a recurrent layer may lie in one matrix or in a layer each; the weights for the input
and for the state beside each other or apart; a matrix may be written transposed; a layer may have
one bias or two. Both sides are cut into the largest blocks that fit both.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]
MAX_BLOCKS = 120  # of one network
_NAMED = "Linear LSTM GRU RNN LSTMCell GRUCell RNNCell Bilinear MultiheadAttention"
_KINDS = frozenset(_NAMED.split())


@dataclass(frozen=True)
class Block:
    """A part of a parameter.

    Attributes:
        tensor: the parameter's name.
        shape: of the block, without axes of size 1.
        view: the shape in which rows and columns are counted.
        rows: first and last, the last not included; None for the whole.
        columns: the same.
        transposed: whether the parameter holds the block with its axes exchanged.
    """

    tensor: str
    shape: Shape
    view: Shape
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None
    transposed: bool = False

    def part(self, whole: Tensor) -> Tensor:
        """Return the block of a parameter, a view of it, in the block's own shape."""
        seen = whole.view(self.view)
        seen = seen.t() if self.transposed else seen
        if self.rows is not None:
            seen = seen[self.rows[0] : self.rows[1]]
        if self.columns is not None:
            seen = seen[:, self.columns[0] : self.columns[1]]
        return seen

    def write(self, whole: Tensor, value: Tensor) -> None:
        """Put a block's values into a parameter, which is contiguous."""
        seen = self.part(whole)
        seen.copy_(value.reshape(seen.shape))


@dataclass(frozen=True)
class Fit:
    """How a reference's parameters and a student's are cut into blocks of the same shapes.

    Attributes:
        blocks: the reference's.
        slots: the student's, as many of each shape.
        zero: blocks of the reference that are zero, for the student has none of the kind.
        silent: parameters of the student's that are zero, for the reference has none of the kind.
    """

    blocks: tuple[Block, ...]
    slots: tuple[Block, ...]
    zero: tuple[Block, ...] = ()
    silent: tuple[str, ...] = ()


def plain(shape: Iterable[int]) -> Shape:
    """Return a shape without axes of size 1; (1,) if nothing is left."""
    return tuple(n for n in shape if n != 1) or (1,)


def blocks_of(module: nn.Module) -> list[Block]:
    """Return the blocks of a reference: each parameter, those of recurrent layers gate by gate."""
    found = []
    for name, parameter in module.named_parameters():
        owner = module.get_submodule(name.rpartition(".")[0])
        recurrent = isinstance(owner, nn.RNNBase | nn.RNNCellBase)
        parts = parameter.shape[0] // owner.hidden_size if recurrent else 1  # type: ignore[operator]
        parts = 3 if name.endswith(("in_proj_weight", "in_proj_bias")) else parts
        found += _in_rows(name, plain(parameter.shape), plain(parameter.shape), int(parts))
    return found


def fits(
    blocks: Sequence[Block], shapes: Mapping[str, Shape], kinds: Mapping[str, str]
) -> Iterator[Fit]:
    """Yield every plausible way to cut both sides into the same blocks, the plainest first.

    Args:
        blocks: of the reference.
        shapes: of the student's parameters, by name.
        kinds: the names of the classes that hold them: of these layers' axes there is no doubt.
    """
    seen = set()
    for finer in (False, True):
        mine = list(_finer(blocks, shapes)) if finer else list(blocks)
        if finer and mine == list(blocks):
            continue
        for state_first in (False, True):
            for transposed in (False, True):
                slots = _slots(mine, shapes, kinds, transposed, state_first)
                if slots is None or len(slots) > MAX_BLOCKS:
                    continue
                for fit in _balanced(mine, slots):
                    if fit not in seen:
                        seen.add(fit)
                        yield fit


def _balanced(blocks: list[Block], slots: list[Block]) -> Iterator[Fit]:
    """Yield the fits in which both sides have as many blocks of each shape.

    Where only one side has the second bias of recurrent layers, that one is zero.
    """
    twice = [b for b in blocks if "bias_hh" in b.tensor]
    gates = [b for b in twice if b.rows is None or _gate(b) < 2]  # of a GRU: reset and update
    for zero in ([], twice, gates):
        left = [b for b in blocks if b not in zero]
        for silent in ([], [s for s in slots if "bias_hh" in s.tensor]):
            kept = [s for s in slots if s not in silent]
            if Counter(b.shape for b in left) == Counter(s.shape for s in kept):
                names = tuple(dict.fromkeys(s.tensor for s in silent))
                yield Fit(tuple(left), tuple(kept), tuple(zero), names)
                return


def _gate(block: Block) -> int:
    assert block.rows is not None
    return block.rows[0] // (block.rows[1] - block.rows[0])


def _slots(
    blocks: list[Block],
    shapes: Mapping[str, Shape],
    kinds: Mapping[str, str],
    transposed: bool,
    state_first: bool,
) -> list[Block] | None:
    wanted = list(dict.fromkeys(block.shape for block in blocks))
    found: list[Block] = []
    for name, shape in shapes.items():
        turned = transposed and kinds.get(name, "") not in _KINDS
        cut = _cut(name, plain(shape), wanted, turned, state_first)
        if cut is None:
            return None
        found += cut
    return found


def _finer(blocks: Sequence[Block], shapes: Mapping[str, Shape]) -> Iterator[Block]:
    """Yield the reference's blocks, cut up where a student's parameters are smaller."""
    theirs = list(dict.fromkeys(plain(shape) for shape in shapes.values()))
    theirs += [shape[::-1] for shape in theirs if len(shape) == 2]
    for block in blocks:
        whole = block.rows is None and block.columns is None
        # A bias is cut as its weight is, where a student has none of this size.
        cut = _cut(block.tensor, block.shape, theirs, False, False) if whole else None
        yield from cut or [block]


def _cut(
    name: str, shape: Shape, wanted: Sequence[Shape], turned: bool, state_first: bool
) -> list[Block] | None:
    """Return one parameter as blocks of wanted shapes; None if that is not possible."""
    if turned and len(shape) == 2 and shape[::-1] in wanted:
        return [Block(name, shape[::-1], shape, transposed=True)]
    if shape in wanted:
        return [Block(name, shape, shape)]
    if len(shape) == 2 and shape[::-1] in wanted:
        return [Block(name, shape[::-1], shape, transposed=True)]
    for other in wanted:  # the same numbers in another shape
        same = math.prod(other) == math.prod(shape) and max(len(shape), len(other)) > 2
        if same and (other[0] == shape[0] or 1 in (len(shape), len(other))):
            return [Block(name, other, shape)]
    if len(shape) == 1:
        sizes = [other[0] for other in wanted if len(other) == 1 and shape[0] % other[0] == 0]
        sizes = [size for size in sizes if size > 1 or shape[0] == 1]
        return _in_rows(name, shape, shape, shape[0] // max(sizes)) if sizes else None
    if len(shape) == 3:
        shape = (shape[0] * shape[1], shape[2])
    if len(shape) != 2:
        return None
    ways = [(shape, turned), (shape[::-1], not turned)]
    for (rows, columns), transposed in sorted(ways, key=lambda way: way[1]):
        cut = _grid(rows, columns, wanted, state_first)
        if cut is not None:
            return [Block(name, s, shape, r, c, transposed) for s, r, c in cut]
    return None


Span = tuple[int, int]


def _grid(
    rows: int, columns: int, wanted: Sequence[Shape], state_first: bool
) -> list[tuple[Shape, Span | None, Span | None]] | None:
    """Return a matrix as rows of gates, each of one block, or of two beside each other."""
    flat = [shape for shape in wanted if len(shape) == 2]
    heights = sorted({shape[0] for shape in flat if rows % shape[0] == 0}, reverse=True)
    for height in heights:
        starts = range(0, rows, height)
        if (height, columns) in flat:
            return [((height, columns), (at, at + height), None) for at in starts]
        widths = [shape[1] for shape in flat if shape[0] == height]
        pairs = [(a, columns - a) for a in widths if columns - a in widths]
        if pairs:
            # The blocks for the input come first in a reference, those for the state second.
            first, second = pairs[-1] if state_first else pairs[0]
            return [
                ((height, width), (at, at + height), span)
                for at in starts
                for width, span in ((first, (0, first)), (second, (first, columns)))
            ]
    return None


def _in_rows(name: str, shape: Shape, view: Shape, parts: int) -> list[Block]:
    if parts <= 1:
        return [Block(name, shape, view)]
    height = shape[0] // parts
    cut = (height, *shape[1:])
    return [Block(name, cut, view, (at * height, (at + 1) * height)) for at in range(parts)]


def zeros(shapes: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Return parameters of these shapes, all zero, float64."""
    return {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
