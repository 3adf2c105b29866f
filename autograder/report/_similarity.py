"""Pure: groups of hand-ins whose code is nearly the same, what was given out left aside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Indel
from scipy.spatial.distance import cdist

# Of tokens: a changed name or two, a moved line. Of 24 rewrites of `Net` alone three pairs come to
# 0.96, of 4 of `ImprovedNet` none above 0.91; whole hand-ins have both.
MIN_SIMILARITY = 0.95
MIN_TOKENS = 60  # what is shorter than that is alike by chance
MAX_TOKENS = 20_000  # of one hand-in, the first ones; honest ones have a few thousand
_MAX_LETTERS = 1_000_000  # of Unicode: of more tokens some share one
_BINS = 64  # letters are counted modulo this many
_ROUNDING = 1e-6
_COMMENT = re.compile(r"(^|\s)#.*$")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def near_identical(
    codes: Mapping[str, Iterable[str]], given: Iterable[str]
) -> tuple[tuple[str, ...], ...]:
    """Return groups of students with nearly the same code, the largest first.

    Names count, so a copy with other names is not found; blanks and comments do not.

    Args:
        codes: student -> sources of cells.
        given: sources of cells that everybody was given.
    """
    write = _Alphabet(given)
    words = {
        student: _first(write[line] for text in sources for line in text.splitlines())
        for student, sources in codes.items()
    }
    long = {student: word for student, word in words.items() if len(word) >= MIN_TOKENS}
    return _groups(list(long), _alike(list(long.values())))


def _first(words: Iterable[str]) -> str:
    """Return the words as one, as far as they are compared: that takes time with its square."""
    kept, length = [], 0
    for word in words:
        kept.append(word)
        length += len(word)
        if length >= MAX_TOKENS:
            break
    return "".join(kept)[:MAX_TOKENS]


class _Alphabet(dict[str, str]):
    """A line of code -> a character for each of its tokens, none where it was given out.

    A class has few lines that differ, so each is looked at once.

    Args:
        given: sources of cells that everybody was given.
    """

    def __init__(self, given: Iterable[str]) -> None:
        super().__init__()
        self._given = {_stripped(line) for text in given for line in text.splitlines()}
        self._letters: dict[str, str] = {}

    def __missing__(self, line: str) -> str:
        text = _stripped(line)
        tokens = [] if text in self._given else _TOKEN.findall(text)
        letters = self._letters
        self[line] = "".join(
            letters.setdefault(t, chr(0x100 + len(letters) % _MAX_LETTERS)) for t in tokens
        )
        return self[line]


def _stripped(line: str) -> str:
    return _COMMENT.sub("", line).strip()


def _alike(words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs that are nearly the same; equal ones are compared once."""
    first = {word: index for index, word in reversed(list(enumerate(words)))}
    pairs = [(first[word], index) for index, word in enumerate(words)]
    different = list(first)
    a, b = _candidates(different)
    scores = process.cpdist(
        [different[i] for i in a],
        [different[j] for j in b],
        scorer=Indel.normalized_similarity,
        score_cutoff=MIN_SIMILARITY,
        dtype=np.float32,
        workers=-1,
    )
    alike = np.nonzero(scores)[0]
    return pairs + [(first[different[a[i]]], first[different[b[i]]]) for i in alike]


def _candidates(words: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs that may be alike, by how often each has which letters.

    To make one word of another takes at least as many insertions and deletions as their counts
    differ by, and those are compared a hundred times as fast as words are.
    """
    counts = np.zeros((len(words), _BINS))
    for row, word in zip(counts, words, strict=True):
        row += np.bincount(np.array([ord(letter) for letter in word], int) % _BINS, minlength=_BINS)
    lengths = counts.sum(axis=1)
    apart = cdist(counts, counts, "cityblock")
    allowed = (1 - MIN_SIMILARITY) * np.add.outer(lengths, lengths)
    a, b = np.nonzero(np.triu(apart <= allowed + _ROUNDING, 1))
    return a, b


def _groups(
    students: Sequence[str], pairs: Iterable[tuple[int, int]]
) -> tuple[tuple[str, ...], ...]:
    """Return the connected groups of two or more."""
    leader = list(range(len(students)))

    def find(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for a, b in pairs:
        a, b = sorted((find(a), find(b)))
        leader[b] = a
    groups: dict[int, list[str]] = {}
    for index, student in enumerate(students):
        groups.setdefault(find(index), []).append(student)
    found = [tuple(sorted(group)) for group in groups.values() if len(group) > 1]
    return tuple(sorted(found, key=lambda group: (-len(group), group)))
