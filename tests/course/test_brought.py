"""What an assignment brings along is what lies in its release, and nothing of its source."""

from __future__ import annotations

from pathlib import Path

from autograder.course.assignment import read_assignment
from autograder.course.brought import brought_files
from autograder.course.course import open_course


def test_sub_folders_and_data_come_along_and_hidden_or_ignored_files_do_not(tmp_path: Path) -> None:
    kept = ("lab/__init__.py", "data/table.csv", "data/deep/er/x.bin", "a file.txt")
    for name in (*kept, "mlp.ipynb", ".hidden", ".git/config", "data/MNIST/raw/images"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert set(brought_files(tmp_path, ["MNIST"])) == set(kept)


def test_a_result_depends_on_the_releases_files_and_not_on_the_sources(fresh: Path) -> None:
    course = open_course(fresh)
    before = read_assignment(course, "cnns", sandboxed=True).digests()
    (fresh / "source" / "cnns" / "solution.py").write_bytes(b"x")
    assert read_assignment(course, "cnns", sandboxed=True).digests() == before
    (fresh / "release" / "cnns" / "data").mkdir()
    (fresh / "release" / "cnns" / "data" / "table.csv").write_bytes(b"x")
    changed = read_assignment(course, "cnns", sandboxed=True)
    assert changed.beside == {"data/table.csv": b"x"}
    assert changed.digests()["assignment"] != before["assignment"]
