"""apt-get where it is there: a script in its place."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from esrgan_train.photosets.catalogue import Archive, Photograph
from esrgan_train.photosets.fetch import fetch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in PATH; what is written there as apt-get is run, with the standard tools behind it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder / "apt-get"


def script(file: Path, *lines: str) -> None:
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    file.chmod(0o755)


def package(server, content: bytes) -> Archive:
    server.content = content
    return Archive(
        file="some_1_all.deb",
        package="some",
        urls=[server.url()],
        sha256=hashlib.sha256(content).hexdigest(),
        photographs=[Photograph(path="a.png")],
    )


def test_its_package_is_taken_if_it_is_the_one_of_the_set(apt_get, server, tmp_path):
    script(apt_get, '[ "$*" = "download some" ] || exit 1', "printf whole > some_1%3a1_all.deb")
    file = fetch(package(server, b"whole"), tmp_path / "archives")
    assert file.read_bytes() == b"whole"
    assert [path.name for path in file.parent.iterdir()] == ["some_1_all.deb"]
    assert server.asked == []


@pytest.mark.parametrize(
    "lines",
    [["printf other > some_2_all.deb"], ["echo 'E: Unable to locate package some' >&2", "exit 100"], ["exit 0"]],
    ids=["another version", "unknown", "nothing"],
)
def test_otherwise_the_server_is_asked(lines, apt_get, server, tmp_path):
    script(apt_get, *lines)
    file = fetch(package(server, b"whole"), tmp_path / "archives")
    assert file.read_bytes() == b"whole"
    assert [path.name for path in file.parent.iterdir()] == ["some_1_all.deb"]
    assert len(server.asked) == 1
