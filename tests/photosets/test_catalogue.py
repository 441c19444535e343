from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.photosets.catalogue import Archive, Photograph, edition, read_set, set_file, set_names


@pytest.mark.parametrize("name", set_names())
def test_a_set_that_ships_can_be_read_and_checked(name: str):
    photos = read_set(set_file(name))
    assert photos.licence
    for archive in photos.archives:
        assert archive.checksum is not None or name == "flickr2k_hr"
        kind, digits = archive.checksum or ("sha256", "0" * 64)
        assert len(bytes.fromhex(digits)) == {"sha256": 32, "md5": 16}[kind]
        assert all(url.rpartition("/")[2] == archive.file for url in archive.urls)


def test_the_sets_that_the_documentation_names_are_there():
    assert set_names() == ["debian", "div2k", "flickr2k", "flickr2k_hr"]


def test_photographs_of_debian_have_author_licence_and_their_own_name():
    photos = read_set(set_file("debian"))
    photographs = [one for archive in photos.archives for one in archive.photographs]
    assert len(photographs) == 28
    assert len({one.name for one in photographs}) == 28
    assert all(one.author and one.licence and one.reduce >= 2 for one in photographs)
    assert sum(one.held_out for one in photographs) == 5
    assert {archive.package for archive in photos.archives} == {
        "mate-backgrounds",
        "palapeli-data",
        "plasma-workspace-wallpapers",
    }  # and nothing of packages that results are checked with


def test_the_edition_follows_the_words_and_not_the_line_ends(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"one\ntwo\n")
    (tmp_path / "b").write_bytes(b"one\r\ntwo\r\n")
    (tmp_path / "c").write_bytes(b"one\nthree\n")
    assert edition(tmp_path / "a") == edition(tmp_path / "b") != edition(tmp_path / "c")


GOOD = """
about: some
licence: CC0
source: http://localhost/
archives:
  - file: a.zip
    urls: [http://localhost/a.zip]
    photographs: [{path: a.png}]
"""


def test_a_file_of_ones_own(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(GOOD, encoding="utf-8")
    photos = read_set(set_file(str(tmp_path / "mine.yaml")))
    assert photos.archives == [
        Archive(file="a.zip", urls=["http://localhost/a.zip"], photographs=[Photograph(path="a.png")])
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("licence: CC0\n", "", "licence is missing"),
        ("licence: CC0\n", "license: CC0\n", "license is not known: did you mean licence"),
        ("path: a.png", "path: a.png, reduce: 0.5", r"reduce=0\.5: give a number"),
        ("path: a.png", "path: '*.png', name: a", r"path=\*\.png may fit several pictures"),
        ("path: a.png", "path: a.png, name: ../a", r"name=\.\./a: give letters"),
        ("file: a.zip", "file: b/a.zip", r"file=b/a\.zip: give letters"),
        ("http://localhost/a.zip", "file:///etc/passwd", r"urls=file:///etc/passwd: give an address"),
        ("photographs: [{path: a.png}]", "photographs: []", "photographs is missing: list at least one"),
        ("photographs: [{path: a.png}]", "photographs: [a.png]", "give a mapping"),
        ("about: some", "about: [", "cannot be read"),
    ],
)
def test_what_does_not_fit_is_told_with_the_file(old: str, new: str, told: str, tmp_path: Path):
    assert old in GOOD
    (tmp_path / "mine.yaml").write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=rf"mine\.yaml.*{told}"):
        read_set(tmp_path / "mine.yaml")


def test_a_name_that_is_not_known(tmp_path: Path):
    with pytest.raises(UserError, match="--set div2: did you mean div2k"):
        set_file("div2")
    with pytest.raises(UserError, match=r"--set \S+none\.yaml does not exist: give debian, div2k"):
        set_file(str(tmp_path / "none.yaml"))
