"""course_utils.environment: Colab, folders, device, network."""

import sys
import types
from pathlib import Path

import pytest
import torch

from course_utils import environment


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working folder, outside Colab, outside a grading run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.setattr(environment, "COLAB_DRIVE", tmp_path / "drive")


def pretend_colab(monkeypatch: pytest.MonkeyPatch, mount) -> None:
    """Google's package, with a drive that `mount` mounts."""
    drive = types.ModuleType("google.colab.drive")
    drive.mount = mount  # type: ignore[attr-defined]
    for name in ("google", "google.colab"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "google.colab.drive", drive)


def test_this_is_not_colab() -> None:
    assert not environment.in_colab()


def test_colab_is_known_by_its_package_or_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab-2026")
    assert environment.in_colab()
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    pretend_colab(monkeypatch, print)
    assert environment.in_colab()


def test_data_goes_beside_the_notebook_and_the_folder_is_made() -> None:
    assert environment.data_path() == Path("data")
    assert Path("data").is_dir()
    Path("data/kept").touch()
    assert environment.data_path() == Path("data")
    assert Path("data/kept").exists()


def test_in_colab_data_goes_to_the_drive_which_gets_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounted = []

    def mount(where: str) -> None:
        mounted.append(where)
        (Path(where) / "MyDrive").mkdir(parents=True)

    pretend_colab(monkeypatch, mount)
    for _ in range(2):
        assert environment.data_path() == tmp_path / "drive" / "MyDrive" / "data"
        assert environment.data_path().is_dir()
    assert mounted == [str(tmp_path / "drive")]


def test_a_declined_drive_leaves_data_in_the_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mount(where: str) -> None:
        raise ValueError("mount failed")

    pretend_colab(monkeypatch, mount)
    assert environment.data_path() == Path("data")
    assert "Google Drive is not mounted (mount failed)" in capsys.readouterr().out


def test_a_file_where_the_data_folder_should_be_is_named() -> None:
    Path("data").write_text("mine")
    with pytest.raises(NotADirectoryError, match="data, got a file: rename the file"):
        environment.data_path()
    assert Path("data").read_text() == "mine"


def test_a_read_only_folder_moves_data_to_a_temporary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make = Path.mkdir

    def refuse(self: Path, *args: object, **options: object) -> None:
        if self == Path("data"):
            raise PermissionError(13, "Permission denied")
        make(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path))
    assert environment.data_path() == tmp_path / "data"
    assert "Permission denied" in capsys.readouterr().out


@pytest.mark.parametrize(("value", "quick"), [("autograde", True), ("validate", True), ("", False)])
def test_nbgraders_variable_makes_a_quick_run(
    monkeypatch: pytest.MonkeyPatch, value: str, quick: bool
) -> None:
    assert not environment.quick_run()
    monkeypatch.setenv("NBGRADER_EXECUTION", value)
    assert environment.quick_run() == quick


@pytest.mark.parametrize(
    ("cuda", "mps", "name"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_fastest_device_is_chosen(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, name: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert environment.device() == torch.device(name)


def test_describe_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.describe()
    plain = capsys.readouterr().out
    assert plain.count("\n") == 1
    assert f"PyTorch {torch.__version__}" in plain
    assert "quick run" not in plain
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    environment.describe()
    assert "quick run" in capsys.readouterr().out


def test_a_failed_server_is_tried_again_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(request: object, timeout: float) -> None:
        calls.append(timeout)
        raise ConnectionRefusedError(111, "Connection refused")

    now = [1000.0]
    monkeypatch.setattr(environment, "urlopen", refuse)
    monkeypatch.setattr(environment, "_failed_at", {})
    monkeypatch.setattr(environment.time, "monotonic", lambda: now[0])
    for seconds, attempts in ((0, 1), (30, 1), (31, 2)):
        now[0] += seconds
        with pytest.raises(OSError, match=r"no network, example\.org: Connection refused"):
            environment.fetch("http://example.org/file")
        assert len(calls) == attempts
