"""Of several notebooks the one with the work is graded, and the others are named."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.intake import _reader, read
from autograder.intake.read_folder import HandIn, collect
from tests.intake.test_intake import (
    as_colab,
    course,
    course_root,
    find,
    folder,
    honest,
    release,
    to_bytes,
)

__all__ = ["course", "course_root", "folder", "honest", "release"]

OTHER = to_bytes(new_notebook(cells=[new_code_cell("print('another course')", id="one")]))


def put(folder: Path, name: str, data: bytes, time_s: int = 1_000) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (time_s, time_s))


def taken(folder: Path, release: NotebookNode) -> HandIn:
    return collect(folder, ["shapes"], releases={"shapes": to_bytes(release)})


COPIES = ["shapes-Copy1.ipynb", "SHAPES.ipynb", "Untitled.ipynb", "sub/shapes.ipynb", "old/x.ipynb"]


@pytest.mark.parametrize("name", COPIES)
def test_an_untouched_notebook_gives_way_to_the_one_with_the_work(
    name: str, folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "shapes.ipynb", to_bytes(release), time_s=2_000)
    put(folder, name, to_bytes(honest))
    hand_in = taken(folder, release)
    assert hand_in.notebooks == {"shapes": to_bytes(honest)}
    assert hand_in.remarks() == [
        f"{name} was taken for shapes.ipynb",
        "also handed in, and not graded: shapes.ipynb",
    ]


def test_an_untouched_notebook_that_an_editor_saved_is_untouched(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "shapes.ipynb", to_bytes(as_colab(release)))
    put(folder, "shapes-1.ipynb", to_bytes(honest))
    assert taken(folder, release).notebooks == {"shapes": to_bytes(honest)}


def test_of_equal_names_and_times_the_one_that_is_not_put_aside_is_taken(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "old/shapes.ipynb", to_bytes(honest))
    find(honest, "why").source = "Because it must."
    put(folder, "final/shapes.ipynb", to_bytes(honest))
    hand_in = taken(folder, release)
    assert hand_in.notebooks == {"shapes": to_bytes(honest)}
    assert hand_in.remarks() == [
        "final/shapes.ipynb was taken for shapes.ipynb",
        "also handed in, and not graded: old/shapes.ipynb",
    ]


def test_more_answers_count_more_than_the_time(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    begun = deepcopy(release)
    find(begun, "square").source = find(honest, "square").source
    put(folder, "a/shapes.ipynb", to_bytes(honest), time_s=1_000)
    put(folder, "b/shapes.ipynb", to_bytes(begun), time_s=2_000)
    hand_in = taken(folder, release)
    assert hand_in.notebooks == {"shapes": to_bytes(honest)}
    assert "newest" not in " ".join(hand_in.remarks())


def test_where_both_hold_work_the_expected_name_is_graded_and_the_other_named(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "shapes.ipynb", to_bytes(honest))
    find(honest, "why").source = "Because it must."
    put(folder, "shapes-Copy1.ipynb", to_bytes(honest), time_s=2_000)
    hand_in = taken(folder, release)
    assert b"must" not in hand_in.notebooks["shapes"]
    assert hand_in.remarks() == ["also handed in, and not graded: shapes-Copy1.ipynb"]


def test_another_courses_notebook_gives_way_whatever_its_name(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "shapes.ipynb", OTHER, time_s=2_000)
    put(folder, "Untitled.ipynb", to_bytes(honest))
    assert taken(folder, release).notebooks == {"shapes": to_bytes(honest)}


def test_another_courses_notebook_alone_is_told_for_what_it_is(
    honest: NotebookNode, release: NotebookNode
) -> None:
    assert "of another one?" in read(OTHER, release).repairs[0].sentence
    for notebook in (honest, release, as_colab(honest)):
        assert not any(
            "of another" in r.sentence for r in read(to_bytes(notebook), release).repairs
        )


def test_a_notebook_that_is_cut_off_gives_way(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "shapes.ipynb", to_bytes(honest)[:-50], time_s=2_000)
    put(folder, "shapes (1).ipynb", to_bytes(honest))
    assert taken(folder, release).notebooks == {"shapes": to_bytes(honest)}


def test_of_two_untitled_the_one_with_the_work_is_taken_and_of_two_strange_ones_none(
    folder: Path, honest: NotebookNode, release: NotebookNode
) -> None:
    put(folder, "Untitled.ipynb", OTHER)
    put(folder, "Untitled1.ipynb", OTHER)
    hand_in = taken(folder, release)
    assert hand_in.fatal["shapes"].endswith("only Untitled.ipynb, Untitled1.ipynb")
    put(folder, "Untitled1.ipynb", to_bytes(honest))
    assert taken(folder, release).notebooks == {"shapes": to_bytes(honest)}


def test_the_only_notebook_is_taken_however_strange(folder: Path, release: NotebookNode) -> None:
    put(folder, "Untitled.ipynb", OTHER)
    hand_in = taken(folder, release)
    assert hand_in.notebooks == {"shapes": OTHER}
    assert hand_in.remarks() == ["Untitled.ipynb, the only notebook was taken for shapes.ipynb"]


def test_what_was_handed_in_in_place_of_a_notebook_is_named(
    folder: Path, release: NotebookNode
) -> None:
    assert taken(folder, release).fatal == {"shapes": "no notebook was handed in"}
    put(folder, "timestamp.txt", b"2026-11-22 10:00:00 UTC")
    assert taken(folder, release).fatal == {"shapes": "no notebook was handed in"}
    for name in ("work.zip", "work.html", "shapes.py"):
        put(folder, name, b"x")
    why = "no notebook was handed in, only shapes.py, work.html, work.zip"
    assert taken(folder, release).fatal == {"shapes": why}
    for number in range(9):
        put(folder, f"{number}.txt", b"x")
    assert "and 7 more" in taken(folder, release).fatal["shapes"]


def test_there_is_an_end_to_comparing(
    folder: Path, honest: NotebookNode, release: NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_reader, "MAX_NOTEBOOK_BYTES", 10)
    put(folder, "shapes.ipynb", to_bytes(release))
    put(folder, "shapes-1.ipynb", to_bytes(honest))
    assert taken(folder, release).notebooks == {"shapes": to_bytes(release)}
