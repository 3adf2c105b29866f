"""What is refused of a hand-in's folder never scores 0: it is graded, or waits for a person."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.intake import _plain_files, _walk
from autograder.intake.read_folder import collect
from tests.intake.test_intake import failing_open, folder, secret

__all__ = ["folder", "secret"]

NAMES = {
    "a zero-width non-joiner": "cnns\u200c.ipynb",
    "a joiner within": "c\u200dnns.ipynb",
    "a byte-order mark": "\ufeffcnns.ipynb",
    "a right-to-left mark": "\u200fcnns.ipynb",
    "an override": "\u202ecnns.ipynb",
    "a space before": " cnns.ipynb",
    "a space after": "cnns .ipynb",
    "a dot after": "cnns..ipynb",
    "a narrow space": "cnns\u202f1.ipynb",
    "a bell": "cnns\x07.ipynb",
    "no UTF-8": "cnns-\udcff.ipynb",
    "a path of Windows": "project\\cnns.ipynb",
    "255 bytes": f"cnns {'n' * 244}.ipynb",
    "letters of three bytes": f"cnns {'あ' * 81}.ipynb",
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("within", ["", "my\u200cproject/", " ~folder /"])
def test_a_notebook_is_graded_whatever_its_name(kind: str, within: str, folder: Path) -> None:
    (folder / within).mkdir(exist_ok=True)
    (folder / within / NAMES[kind]).write_bytes(b"{}")
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.no_verdict) == ({"cnns": b"{}"}, "")
    assert "was taken for cnns.ipynb" in taken.repairs[0].sentence
    assert all(repair.sentence.isprintable() for repair in taken.repairs)


def test_a_file_beside_it_keeps_an_invisible_character(folder: Path) -> None:
    (folder / "می\u200cروم.csv").write_bytes(b"1")
    (folder / " b.csv").write_bytes(b"2")
    assert collect(folder, ["cnns"]).beside() == {" b.csv": b"2", "می\u200cروم.csv": b"1"}


@pytest.mark.parametrize("name", ["cnns.ipynb", "cnns-1.ipynb", "model.py", "lab/model.py"])
def test_a_hard_link_to_elsewhere_is_no_verdict_and_says_what_to_do(
    name: str, folder: Path, secret: Path
) -> None:
    if not name.endswith(".ipynb"):
        (folder / "cnns.ipynb").write_bytes(b"{}")
    (folder / name).parent.mkdir(exist_ok=True)
    os.link(secret, folder / name)
    taken = collect(folder, ["cnns"])
    assert f"{name} was not read: a hard link" in taken.no_verdict
    assert "allow_hard_links" in taken.no_verdict
    assert b"the solution" not in repr((taken.notebooks, taken.files)).encode()
    assert collect(folder, ["cnns"], allow_hard_links=True).no_verdict == ""


def test_a_hard_link_within_the_hand_in_is_read(folder: Path) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    (folder / "copies").mkdir()
    os.link(folder / "cnns.ipynb", folder / "copies" / "cnns.ipynb")
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.no_verdict) == ({"cnns": b"{}"}, "")


PACKAGES = {
    "venv": ("pyvenv.cfg", "lib/python3.12/site-packages/torch"),
    "conda": ("conda-meta/history", "lib/python3.12"),
    "node_modules": ("x.js", "left-pad"),
    ".git": ("HEAD", "objects/ab"),
    "__MACOSX": ("._a", "work"),
    "photos": ("0.png", "more"),
}


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_notebook_after_thousands_of_files_is_graded_with_its_own(
    kind: str, folder: Path
) -> None:
    mark, deep = PACKAGES[kind]
    (folder / "a" / kind / deep).mkdir(parents=True)
    (folder / "a" / kind / mark).parent.mkdir(exist_ok=True)
    (folder / "a" / kind / mark).write_bytes(b"")
    for number in range(1_200):
        (folder / "a" / kind / deep / f"f{number}.py").write_bytes(b"")
    (folder / "z").mkdir()
    (folder / "z" / "cnns.ipynb").write_bytes(b"{}")
    (folder / "z" / "model.py").write_bytes(b"1")
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.no_verdict) == ({"cnns": b"{}"}, "")
    assert taken.beside()["z/model.py"] == b"1"
    assert any("more than 1,000 files" in text for text in taken.remarks()) == (kind == "photos")


def test_an_environment_made_in_the_project_itself_hides_nothing(folder: Path) -> None:
    (folder / "pyvenv.cfg").write_bytes(b"")
    (folder / "lib" / "python3").mkdir(parents=True)
    (folder / "lib" / "python3" / "cnns.ipynb").write_bytes(b"of a package")
    (folder / "work").mkdir()
    (folder / "work" / "cnns.ipynb").write_bytes(b"{}")
    assert collect(folder, ["cnns"]).notebooks == {"cnns": b"{}"}


def closed(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    (folder / "lab").mkdir()
    (folder / "lab" / "model.py").write_bytes(b"1")
    monkeypatch.setattr(os, "open", failing_open(name, errno.EACCES))


@pytest.mark.parametrize("name", ["cnns.ipynb", "model.py", "lab"])
def test_no_access_to_a_part_is_no_verdict_and_says_what_to_do(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(folder, monkeypatch, name)
    assert "chmod" in collect(folder, ["cnns"]).no_verdict


def sparse(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "cnns.ipynb").open("wb") as file:
        file.truncate(10**12)


def linked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "work").symlink_to("/home/ann/lab")


def deep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.joinpath(*"abcdefghij")
    path.mkdir(parents=True)
    (path / "cnns.ipynb").write_bytes(b"{}")


def endless(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_walk, "MAX_LOOKED_AT", 20)
    for number in range(30):
        (folder / f"f{number}").write_bytes(b"")


@pytest.mark.parametrize("make", [sparse, linked, deep, endless])
def test_where_a_notebook_may_be_out_of_reach_there_is_no_verdict(
    make: Callable[[Path, pytest.MonkeyPatch], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(folder, monkeypatch)
    taken = collect(folder, ["cnns"])
    assert taken.no_verdict
    assert taken.notebooks == {}


def test_a_hand_in_that_is_no_folder_is_no_verdict(folder: Path, secret: Path) -> None:
    assert "not a folder" in collect(secret, ["cnns"]).no_verdict


def test_a_link_within_the_hand_in_stands_for_what_it_names(folder: Path) -> None:
    (folder / "src" / "net").mkdir(parents=True)
    (folder / "src" / "net" / "model.py").write_bytes(b"1")
    (folder / "src" / "final.ipynb").write_bytes(b"{}")
    (folder / "net").symlink_to("src/net")
    (folder / "src" / "same.py").symlink_to("./net/../net/model.py")
    (folder / "cnns.ipynb").symlink_to("src/final.ipynb")
    taken = collect(folder, ["cnns"])
    assert (taken.notebooks, taken.no_verdict, taken.refused) == ({"cnns": b"{}"}, "", ())
    assert {p for p, data in taken.beside().items() if data == b"1"} == {
        "net/model.py",
        "src/net/model.py",
        "src/same.py",
    }


@pytest.mark.parametrize(
    "says", ["..", ".", "../other", "a/../../ann/cnns/x", "/etc/passwd", "missing", "loop"]
)
def test_a_link_out_of_the_hand_in_or_round_in_it_is_refused(says: str, folder: Path) -> None:
    (folder / "x").write_bytes(b"1")
    (folder.parent / "other").write_bytes(b"another's")
    (folder / "loop").symlink_to(says)
    taken = collect(folder, ["cnns"])
    assert [entry.reason for entry in taken.refused] == ["a symbolic link"]
    assert taken.beside() == {"x": b"1"}


def test_the_course_says_what_is_passed_over(folder: Path) -> None:
    (folder / "data" / "MNIST" / "raw").mkdir(parents=True)
    (folder / "data" / "MNIST" / "raw" / "images").write_bytes(b"1")
    (folder / "data" / "mine.csv").write_bytes(b"2")
    taken = collect(folder, ["cnns"], ignored=["MNIST", "*.pyc"])
    assert taken.beside() == {"data/mine.csv": b"2"}
    assert taken.remarks() == []


def test_what_is_left_out_is_said_and_not_for_ever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    with (folder / "large.csv").open("wb") as file:
        file.truncate(30_000_000)
    for number in range(50):
        (folder / f"link{number}").symlink_to("/nowhere")
    said = collect(folder, ["cnns"]).remarks()
    assert len(said) == 21
    assert said[-1] == "31 more files were not read"
    for number in range(50):
        (folder / f"link{number}").unlink()
    (said_of_large,) = collect(folder, ["cnns"]).remarks()
    assert said_of_large.startswith("large.csv was left out: 30.0 MB")


def test_many_links_and_many_files_take_no_time(folder: Path) -> None:
    (folder / "src").mkdir()
    for number in range(900):
        (folder / "src" / f"f{number}").write_bytes(b"")
        (folder / f"l{number}").symlink_to("src")
    taken = collect(folder, ["cnns"])
    assert len(taken.files) == _plain_files.MAX_ENTRIES


def test_what_is_swapped_after_the_look_blocks(
    folder: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cnns.ipynb").write_bytes(b"{}")
    look = _plain_files.listed

    def swap(*args: Any) -> Any:
        entries = look(*args)
        (folder / "cnns.ipynb").unlink()
        os.link(secret, folder / "cnns.ipynb")
        return entries

    monkeypatch.setattr(_plain_files, "listed", swap)
    assert "a hard link" in collect(folder, ["cnns"]).no_verdict
