"""A notebook's first cell, in a Python without `course_utils`: every way in, every dead end."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest

from autograder.prepare.publish import build_wheel
from tests.conftest import ROOT
from tests.notebooks.first_cell import CELL, Machine, make_machine, make_wheel, with_address

SHOW = "import course_utils; print('found in', course_utils.__file__)"
RETRY = (
    "put it beside the notebook (in Colab: the folder symbol on the left, then the upload symbol)"
)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that lacks `course_utils` alone."""
    made = make_machine(tmp_path_factory.mktemp("machine"))
    (own,) = made.folder.glob("lib/python*/site-packages")
    with ZipFile(make_wheel(made.wheels, "torchinfo", "1.8.0")) as archive:
        archive.extractall(own)
    return made


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A machine that lacks torchinfo as well, as Colab does; its pip can get torchinfo."""
    made = make_machine(tmp_path)
    make_wheel(made.wheels, "torchinfo", "1.8.0")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def beside(tmp_path: Path, wheel: Path) -> Path:
    """A folder for a notebook, in which the wheel lies."""
    folder = tmp_path / "a bundle"
    folder.mkdir()
    shutil.copy(wheel, folder)
    return folder


@pytest.fixture
def server(tmp_path: Path, wheel: Path) -> Iterator[str]:
    """The address of a server that offers the wheel."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(wheel.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def sentence(printed: str) -> str:
    """Return what was printed, which is to be one line without a traceback."""
    assert "Traceback" not in printed
    assert "Error" not in printed.replace("HTTP Error", "")
    (line,) = [line for line in printed.splitlines() if line.strip()]
    return line


@pytest.mark.parametrize("name", ["cnns", "mlp"])
def test_every_notebook_has_the_same_first_cell(name: str) -> None:
    for folder in ("source", "release"):
        notebook = nbformat.read(ROOT / folder / name / f"{name}.ipynb", 4)
        assert next(c.source for c in notebook.cells if c.cell_type == "code") == CELL


def test_it_holds_nothing_of_the_graders() -> None:
    assert "autograder" not in CELL
    assert "NBGRADER" not in CELL


# -- ways in -------------------------------------------------------------------------------------


def test_what_is_installed_is_used(machine: Machine, tmp_path: Path, wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    here = replace(machine, environment={"PYTHONPATH": str(tmp_path / "installed")})
    printed = here.run(tmp_path, CELL, SHOW)
    assert sentence(printed) == f"found in {tmp_path}/installed/course_utils/__init__.py"


def test_in_a_checkout_the_checkout_is_used(machine: Machine) -> None:
    printed = machine.run(ROOT / "source" / "cnns", CELL, SHOW)
    assert sentence(printed) == f"found in {ROOT}/course_utils/__init__.py"


def test_in_a_bundle_the_wheel_beside_the_notebook_is_used(machine: Machine, beside: Path) -> None:
    show_digits = (
        "from course_utils import data; print(len(data.load_digits_subset().train_images))"
    )
    printed = machine.run(beside, CELL, SHOW, show_digits)
    assert printed.startswith(f"found in {beside}/cnn_course_utils-0.1.0-py3-none-any.whl/course_")
    assert printed.endswith("4000\n")


def test_of_two_wheels_the_newest_is_used_also_as_a_browser_names_it(
    machine: Machine, beside: Path
) -> None:
    (old,) = beside.glob("*.whl")
    new = beside / "cnn_course_utils-0.1.0-py3-none-any (1).whl"
    old.rename(new)
    old.write_bytes(b"an older download, cut off")
    printed = machine.run(beside, f"import os; os.utime({str(old)!r}, (0, 0))", CELL, SHOW)
    assert f"found in {new}" in sentence(printed)


def test_an_unpacked_wheel_is_used(machine: Machine, beside: Path) -> None:
    (packed,) = beside.glob("*.whl")
    with ZipFile(packed) as archive:
        archive.extractall(beside)
    packed.unlink()
    assert f"found in {beside}/course_utils/" in sentence(machine.run(beside, CELL, SHOW))


def test_on_kaggle_the_wheel_among_the_inputs_is_used(
    machine: Machine, beside: Path, tmp_path: Path
) -> None:
    inputs, working = tmp_path / "input", tmp_path / "working"
    working.mkdir()
    (inputs / "datasets").mkdir(parents=True)
    beside.rename(inputs / "datasets" / "mine")
    printed = machine.run(working, CELL.replace("/kaggle/input", str(inputs)), SHOW)
    assert f"found in {inputs}/datasets/mine/cnn_course_utils" in sentence(printed)


def test_with_an_address_the_wheel_is_downloaded(
    machine: Machine, server: str, wheel: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    printed = machine.run(alone, with_address(f"{server}/{wheel.name}"), SHOW)
    assert "course_utils.whl/course_utils/__init__.py" in sentence(printed)
    assert list(alone.iterdir()) == []


def test_alone_in_colab_one_sentence_says_what_to_upload_and_then_it_works(
    machine: Machine, wheel: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "content"
    alone.mkdir()
    upload = f"import shutil; _ = shutil.copy({str(wheel)!r}, '.')"
    said, found = machine.run(alone, CELL, upload, CELL, SHOW).strip().splitlines()
    assert said.startswith("course_utils is missing: take the file cnn_course_utils-*.whl from")
    assert RETRY in said
    assert found.startswith(f"found in {alone}/cnn_course_utils-")


# -- dead ends -----------------------------------------------------------------------------------


def test_a_lost_address_is_a_sentence(machine: Machine, server: str, tmp_path: Path) -> None:
    said = sentence(machine.run(tmp_path, with_address(f"{server}/moved.whl")))
    assert said.startswith("course_utils cannot be downloaded (HTTP Error 404: File not found): ")
    assert RETRY in said


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.whl", "./x.whl", "https://no space/x.whl"])
def test_no_network_and_a_mistyped_address_are_a_sentence(
    machine: Machine, tmp_path: Path, url: str
) -> None:
    said = sentence(machine.run(tmp_path, with_address(url)))
    assert said.startswith("course_utils cannot be downloaded (")
    assert RETRY in said


def test_a_damaged_wheel_is_a_sentence_and_another_one_mends_it(
    machine: Machine, beside: Path, wheel: Path
) -> None:
    (cut,) = beside.glob("*.whl")
    cut.write_bytes(wheel.read_bytes()[:1000])
    again = f"import shutil; _ = shutil.copy({str(wheel)!r}, {str(cut)!r})"
    said, found = machine.run(beside, CELL, again, CELL, SHOW).strip().splitlines()
    assert said.startswith(f"{cut} is damaged: take the file")
    assert found.startswith(f"found in {cut}")


def test_a_page_in_place_of_the_wheel_is_a_sentence(
    machine: Machine, server: str, tmp_path: Path
) -> None:
    said = sentence(machine.run(tmp_path, with_address(f"{server}/")))  # the list of the folder
    assert "course_utils.whl is damaged: take the file" in said


# -- what is missing besides, with the real pip --------------------------------------------------


def test_what_is_missing_is_installed_and_nothing_else_changes(bare: Machine, beside: Path) -> None:
    before = bare.versions()
    printed = bare.run(beside, CELL, "import torchinfo, tqdm; print('both')")
    assert printed.splitlines() == ["Installing torchinfo ...", "both"]
    assert bare.versions() == {**before, "torchinfo": "1.8.0"}


def test_what_is_imported_is_never_changed(bare: Machine, beside: Path) -> None:
    make_wheel(bare.wheels, "torchinfo", "1.9.0", "tqdm>=99")
    (bare.wheels / "torchinfo-1.8.0-py3-none-any.whl").unlink()
    make_wheel(bare.wheels, "tqdm", "99.0")
    before = bare.versions()
    first, said = bare.run(beside, "import tqdm", CELL).strip().splitlines()
    assert first == "Installing torchinfo ..."
    assert said.startswith(
        "torchinfo cannot be installed here (it does not fit what is installed): make an "
        "environment of your own"
    )
    assert bare.versions() == before


def test_where_packages_go_to_a_folder_of_the_users_they_are_found(
    tmp_path: Path, beside: Path
) -> None:
    bare = make_machine(tmp_path / "made", system_site_packages=True)
    make_wheel(bare.wheels, "torchinfo", "1.8.0")
    users = tmp_path / "users"
    here = replace(bare, environment={"PIP_USER": "1", "PYTHONUSERBASE": str(users)})
    printed = here.run(beside, CELL, "import torchinfo; print(torchinfo.__file__)")
    assert printed.splitlines()[0] == "Installing torchinfo ..."
    assert str(users) in printed.splitlines()[1]


def test_without_an_index_it_is_a_sentence_and_a_second_try_says_it_again(
    bare: Machine, beside: Path
) -> None:
    for path in bare.wheels.iterdir():
        path.unlink()
    lines = bare.run(beside, CELL, CELL).strip().splitlines()
    assert lines[0] == lines[2] == "Installing torchinfo ..."
    assert lines[1] == lines[3]
    assert lines[1].startswith(
        "torchinfo cannot be installed here (pip stopped: ERROR: No matching"
    )


def test_without_a_network_it_is_a_sentence(bare: Machine, beside: Path) -> None:
    index = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_RETRIES": "1"}
    offline = replace(bare, environment={**index, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    _, said = offline.run(beside, CELL).strip().splitlines()
    assert said == (
        "torchinfo cannot be installed here (pip has no network): connect, and run this cell again."
    )


def test_a_python_without_pip_is_a_sentence(bare: Machine, beside: Path) -> None:
    for path in (bare.folder.parent / "packages").glob("pip*"):
        path.unlink()
    _, said = bare.run(beside, CELL).strip().splitlines()
    assert said.startswith("torchinfo cannot be installed here (this Python has no pip): make an")
