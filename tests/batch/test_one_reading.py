"""A hand-in is read once in a run, as data, and nothing of it is read again where it is graded."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from autograder.batch import grade_class
from autograder.batch.grade_class import Selection
from autograder.intake import _plain_files
from autograder.maintain.bench.setting import cluster_in_threads

_opened: list[str] | None = None  # what is opened by its whole path; None while nobody asks


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_listen)


def test_the_files_of_a_hand_in_are_read_once_in_a_run(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fresh / "submitted" / "ada" / "cnns"
    folder.mkdir(parents=True)
    files = {"cnns.ipynb": b'{"cells": [', "notes.txt": b"mine", "timestamp.txt": b"2030-01-01"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    read: Counter[str] = Counter()
    read_bytes = _plain_files.read_bytes

    def counting(root: int, entry: _plain_files.PlainFile, *arguments: object) -> bytes:
        read[entry.path] += 1
        return read_bytes(root, entry, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_plain_files, "read_bytes", counting)
    monkeypatch.setattr(sys.modules[__name__], "_opened", [])
    with cluster_in_threads(workers=1) as cluster:
        summary = grade_class.grade(
            fresh, "cnns", Selection(["ada"]), sandboxed=False, scheduler=cluster.scheduler_address
        )
    assert [outcome.fault for outcome in summary.outcomes] == [""]
    assert read == dict.fromkeys(files, 1)
    assert _opened, "the hook hears nothing"
    assert [path for path in _opened if path.startswith(f"{folder}/")] == []
    graded = fresh / "autograded" / "ada" / "cnns"
    assert (graded / "notes.txt").read_bytes() == b"mine"
    assert "Nothing of it could be graded" in (graded / "cnns.ipynb").read_text()
