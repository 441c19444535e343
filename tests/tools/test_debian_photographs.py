"""The set ``debian`` from Debian itself: by apt-get, and by HTTP without it."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from esrgan_train.images.decode import decode
from esrgan_train.photosets.bring import bring
from esrgan_train.photosets.catalogue import read_set, set_file
from esrgan_train.photosets.fetch import fetch
from esrgan_train.photosets.unpack import unpack
from esrgan_train.screening.compression import grid_step
from esrgan_train.screening.luma import luma_of

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module", autouse=True)
def mirror() -> None:
    """Skips where there is no way to Debian's packages."""
    try:
        urllib.request.urlopen("http://deb.debian.org/debian/dists/stable/Release", timeout=30).close()
    except OSError as error:
        pytest.skip(f"deb.debian.org is out of reach: {error}")


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bring("debian", tmp_path_factory.mktemp("photographs") / "debian")


def test_all_are_there_and_no_trace_of_their_jpeg_is_left(brought: Path):
    files = [*(brought / "train").iterdir(), *(brought / "held_out").iterdir()]
    assert len(files) == 28
    photos = [decode(file) for file in files]
    assert all(min(photo.shape[:2]) >= 320 for photo in photos)
    assert [file.name for file, photo in zip(files, photos, strict=True) if grid_step(luma_of(photo))] == []


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg is not there")
def test_dpkg_unpacks_the_same_files(brought: Path, tmp_path: Path):
    for archive in read_set(set_file("debian")).archives:
        file = brought / "archives" / archive.file
        subprocess.run(["dpkg-deb", "-x", file, tmp_path / "theirs"], check=True)
        whole = [type(one)(path=one.path, name=one.name) for one in archive.photographs]
        unpack(file, type(archive)(file=file.name, urls=archive.urls, photographs=whole), tmp_path / "ours")
        for one in archive.photographs:
            ours = tmp_path / "ours" / "train" / f"{one.name}.jpg"
            assert ours.read_bytes() == (tmp_path / "theirs" / one.path).read_bytes()


def test_without_apt_get_the_mirror_has_the_same_package(
    brought: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    smallest = min(read_set(set_file("debian")).archives, key=lambda archive: archive.bytes or 0)
    file = fetch(smallest, tmp_path / "archives")
    assert file.read_bytes() == (brought / "archives" / smallest.file).read_bytes()
