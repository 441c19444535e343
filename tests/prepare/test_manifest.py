from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from esrgan_train.prepare.manifest import Row, read, write
from esrgan_train.screening.scores import Scores

ROWS = [
    Row(name="a.png", status="kept", entries=1, width=640, height=480, bits=8, blur=1.5, detail=0.25),
    Row(name="b.jpg", status="reported", reason="compressed: JPEG 60", jpeg_quality=60, blockiness=0.81),
    Row(name="c.png", status="unreadable", reason='b.png cannot be read: "truncated", at 3'),
]


def test_rows_are_read_as_they_were_written_in_their_order(tmp_path: Path) -> None:
    write(tmp_path / "manifest.csv", ROWS)
    assert read(tmp_path / "manifest.csv") == ROWS


@pytest.mark.parametrize(
    "name", ["späte.png", "a,b.png", 'a"b.png', "a\nb.png", "a\rb.png", " a.png", "写真/1.png"]
)
def test_names_of_any_characters_come_back(tmp_path: Path, name: str) -> None:
    write(tmp_path / "manifest.csv", [Row(name=name, status="kept")])
    assert [row.name for row in read(tmp_path / "manifest.csv")] == [name]


def test_names_that_are_not_utf_8_keep_their_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write(tmp_path / "manifest.csv", [Row(name=name, status="kept")])
    assert b"caf\xe9.png" in (tmp_path / "manifest.csv").read_bytes()
    assert os.fsencode(read(tmp_path / "manifest.csv")[0].name) == b"caf\xe9.png"


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one.csv", ROWS)
    write(tmp_path / "two.csv", read(tmp_path / "one.csv"))
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_scores_are_rounded_and_unknown_ones_empty(tmp_path: Path) -> None:
    scores = Scores(blur=float("nan"), jpeg_quality=None, blockiness=1 / 3, detail=2 / 3, fingerprint="")
    write(tmp_path / "manifest.csv", [Row.scored(scores, name="a.png", status="kept")])
    with (tmp_path / "manifest.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["blur"], line["jpeg_quality"], line["fingerprint"]) == ("", "", "")
    assert (line["blockiness"], line["detail"]) == ("0.3333", "0.6667")


def test_without_rows_there_is_a_header(tmp_path: Path) -> None:
    write(tmp_path / "manifest.csv", [])
    assert read(tmp_path / "manifest.csv") == []
    assert (tmp_path / "manifest.csv").read_text().startswith("name,status,reason,")
