"""What lies beside the notebook where it is graded."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import GraderFault
from autograder.intake.lay_out import files_beside, lay_out, tree


def test_the_releases_files_stand_in_place_of_the_students_and_that_is_said() -> None:
    handed_in = {"lab/__init__.py": b"mine", "same.csv": b"1", "mynet/model.py": b"2"}
    files, said = tree(handed_in, {"lab/__init__.py": b"ours", "same.csv": b"1"}, ["mlp"])
    assert files == {"lab/__init__.py": b"ours", "same.csv": b"1", "mynet/model.py": b"2"}
    assert said == ["lab/__init__.py is the assignment's own: yours was not used"]


def test_a_file_that_students_may_change_is_theirs_if_they_hand_it_in() -> None:
    brought = {"model.py": b"ours", "other.py": b"ours"}
    files, said = tree({"model.py": b"mine"}, brought, ["mlp"], ["model.py", "other.py"])
    assert (files, said) == ({"model.py": b"mine", "other.py": b"ours"}, [])


@pytest.mark.parametrize(
    ("path", "brought"),
    [("data", "data/table.csv"), ("data/table.csv/x", "data/table.csv"), ("mlp.ipynb/x", "y")],
)
def test_where_a_file_of_one_is_a_folder_of_the_other_the_release_counts(
    path: str, brought: str, tmp_path: Path
) -> None:
    files, said = tree({path: b"mine"}, {brought: b"ours"}, ["mlp"])
    assert files == {brought: b"ours"}
    assert len(said) == 1
    lay_out(tmp_path, files)


def test_a_folder_holds_these_files_and_its_notebooks_and_no_others(tmp_path: Path) -> None:
    for name in ("mlp.ipynb", "solution.py", "old/deep/x.csv", "sub/other.ipynb", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"before")
    (tmp_path / "link").symlink_to(tmp_path.parent)
    lay_out(tmp_path, {"new/a.csv": b"1"})
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert found == {"mlp.ipynb", "new", "new/a.csv"}


def test_the_sandbox_takes_the_tree_but_for_notebooks_links_and_hidden_files(
    tmp_path: Path,
) -> None:
    names = ("a.csv", "b\u202fc.csv", "می\u200cروم.csv", "mynet/deep/model.py")
    for name in (*names, "mlp.ipynb", ".hidden", ".git/x", "bell\x07"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(10))
    (tmp_path / "e.csv").symlink_to(tmp_path / "a.csv")
    assert set(files_beside(tmp_path, 1000)) == set(names)
    with pytest.raises(GraderFault, match="disk_bytes"):
        files_beside(tmp_path, 15)
