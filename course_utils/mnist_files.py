"""The files of MNIST on disk: read, checked, never trusted to be whole."""

import gzip
import math
import struct
import zlib
from pathlib import Path

FILES = {  # of one entry of each file; labels first, as a small probe of the network
    "train-labels-idx1-ubyte": (),
    "t10k-labels-idx1-ubyte": (),
    "train-images-idx3-ubyte": (28, 28),
    "t10k-images-idx3-ubyte": (28, 28),
}


class CorruptFileError(RuntimeError):
    """A file that is there but damaged. The message names it, and asks to delete it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is damaged ({what}): delete it and run again")


def count_entries(raw: Path) -> dict[str, int]:
    """Return the number of entries in each file of MNIST that is there; archives get unpacked."""
    counts = {}
    for name in FILES:
        path, archive = raw / name, raw / f"{name}.gz"
        if path.is_file():
            counts[name] = _count(path, path.read_bytes())
        elif archive.is_file():
            try:
                content = gzip.decompress(archive.read_bytes())
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise CorruptFileError(archive, str(error)) from error
            counts[name] = _count(archive, content)
            write_file(path, content)
    for labels in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        images = labels.replace("labels-idx1", "images-idx3")
        if labels in counts and counts.get(images, counts[labels]) != counts[labels]:
            what = f"{counts[labels]:,} labels for {counts[images]:,} images"
            raise CorruptFileError(raw / labels, what)
    return counts


def write_file(path: Path, content: bytes) -> None:
    """Write the file in one step, so that an interrupted run leaves no half of it."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def _count(path: Path, content: bytes) -> int:
    """Return the number of entries in an idx file of MNIST.

    Source: http://yann.lecun.com/exdb/mnist/ : 00 00, 08 for bytes, the rank; then the sizes as
    big-endian 32-bit integers; then the values.
    """
    entry = FILES[path.name.removesuffix(".gz")]
    rank = 1 + len(entry)
    start = 4 + 4 * rank
    if content[:4] != bytes([0, 0, 8, rank]):
        what = f"it begins with {content[:4].hex(' ')}" if content else "it is empty"
        raise CorruptFileError(path, what)
    if len(content) < start:
        raise CorruptFileError(path, "it ends within its header")
    count, *rest = struct.unpack(f">{rank}I", content[4:start])
    if tuple(rest) != entry:
        raise CorruptFileError(path, f"expected images of {entry} pixels, got {tuple(rest)}")
    expected = start + count * math.prod(entry)
    if len(content) != expected:
        what = f"expected {expected:,} bytes for {count:,} digits, got {len(content):,}"
        raise CorruptFileError(path, what)
    if not entry and max(content[start:], default=0) > 9:
        raise CorruptFileError(path, "it holds labels above 9")
    return int(count)
