"""What is missing of a published data set is downloaded, and without a network it is told."""

import urllib.error
import urllib.request

import pytest
from made_up_sources import made_up_idx, prepared, published, refused

from ganspeed.data import download


@pytest.mark.parametrize(
    "source, files",
    [
        ("mnist", "MNIST/raw/train-images-idx3-ubyte\n.*MNIST/raw/t10k-labels-idx1-ubyte\n"),
        ("fashion_mnist", "FashionMNIST/raw/train-images-idx3-ubyte\n.*FashionMNIST/raw/t10k-labels-idx1-ubyte\n"),
        ("cifar10", "cifar-10-python.tar.gz\n"),
    ],
)
def test_without_a_network_the_missing_files_and_their_folder_are_told(tmp_path, monkeypatch, source, files):
    def no_network(*request, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    refused(tmp_path, published(source), f"(?s)data set own: files are missing in {tmp_path} .*GANSPEED_DATA.*{files}")


def test_only_what_is_missing_is_downloaded_and_nothing_stays_of_a_failure(tmp_path, monkeypatch):
    raw = made_up_idx(tmp_path)
    kept, missing = raw / "train-images-idx3-ubyte", raw / "t10k-labels-idx1-ubyte"
    before = (kept.read_bytes(), missing.read_bytes())
    missing.unlink()
    monkeypatch.setattr(download, "_download", lambda name, folder: made_up_idx(folder, train=7))
    assert len(prepared(tmp_path, published("mnist"))[1]["train"][0]) == 80
    assert (kept.read_bytes(), missing.read_bytes()) == before
    assert not list(tmp_path.glob(".download*"))
