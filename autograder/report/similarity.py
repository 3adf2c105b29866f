"""Pure: groups of hand-ins whose code is nearly the same, what was given out left aside."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Indel

# Of tokens: a changed name or two, a moved line. Of 24 rewrites of `Net` alone three pairs come to
# 0.96, of 4 of `ImprovedNet` none above 0.91; whole hand-ins have both.
LEAST_SIMILARITY = 0.95
LEAST_TOKENS = 60  # what is shorter than that is alike by chance
_BLOCK = 100  # hand-ins compared with others at a time
_COMMENT = re.compile(r"(^|\s)#.*$")
_TOKEN = re.compile(r"\w+|[^\w\s]")


def near_identical(
    codes: Mapping[str, Iterable[str]], given: Iterable[str]
) -> tuple[tuple[str, ...], ...]:
    """Returns groups of students with nearly the same code, the largest first.

    Names count, so a copy with other names is not found; blanks and comments do not.

    Args:
        codes: student -> sources of cells.
        given: sources of cells that everybody was given.
    """
    write = _Alphabet(given)
    words = {
        student: "".join(write[line] for text in sources for line in text.splitlines())
        for student, sources in codes.items()
    }
    long = {student: word for student, word in words.items() if len(word) >= LEAST_TOKENS}
    return _groups(list(long), _alike(list(long.values())))


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
        self[line] = "".join(letters.setdefault(t, chr(0x100 + len(letters))) for t in tokens)
        return self[line]


def _stripped(line: str) -> str:
    return _COMMENT.sub("", line).strip()


def _alike(words: Sequence[str]) -> list[tuple[int, int]]:
    """Returns the pairs that are nearly the same; equal ones are compared once."""
    first = {word: index for index, word in reversed(list(enumerate(words)))}
    pairs = [(first[word], index) for index, word in enumerate(words)]
    ordered = sorted(first, key=len)
    lengths = [len(word) for word in ordered]
    for start in range(0, len(ordered), _BLOCK):
        block = ordered[start : start + _BLOCK]
        # A much longer one cannot be alike: 2 * shorter / (shorter + longer) bounds the similarity.
        longest = len(block[-1]) * (2 / LEAST_SIMILARITY - 1)
        others = ordered[start : bisect_right(lengths, longest)]
        scores = process.cdist(
            block,
            others,
            scorer=Indel.normalized_similarity,
            score_cutoff=LEAST_SIMILARITY,
            dtype=np.float32,
            workers=-1,
        )
        rows, columns = np.nonzero(np.triu(scores, 1))
        pairs += [(first[block[i]], first[others[j]]) for i, j in zip(rows, columns, strict=True)]
    return pairs


def _groups(
    students: Sequence[str], pairs: Iterable[tuple[int, int]]
) -> tuple[tuple[str, ...], ...]:
    """Returns the connected groups of two or more."""
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
