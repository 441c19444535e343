"""A set from a file that describes it, over a server, to photographs in folders."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from esrgan_train.errors import RunError, UserError
from esrgan_train.images.decode import decode
from esrgan_train.photosets.bring import bring
from esrgan_train.prepare.__main__ import main
from tests.photosets.archives import ar, tar_of, zip_of


def picture(seed: int, suffix: str = ".png") -> bytes:
    levels = np.random.default_rng(seed).integers(0, 256, (60, 90, 3), np.uint8)
    return cv2.imencode(suffix, cv2.GaussianBlur(levels, (0, 0), 4))[1].tobytes()


PICTURES = {f"photos/HR/{number:04}.png": picture(number) for number in range(1, 7)}


def described(tmp_path: Path, server: Any, content: bytes, **changed: Any) -> Path:
    """A set's file whose one archive the server has; ``changed`` values replace the archive's, or leave it out."""
    server.content = content
    archive = {
        "file": "photos.zip",
        "urls": [server.url()],
        "sha256": hashlib.sha256(content).hexdigest(),
        "photographs": [{"path": "photos/HR/*6.png", "held_out": True}, {"path": "photos/HR/*.png"}],
        **changed,
    }
    said = {"about": "six pictures", "licence": "CC0", "source": "http://localhost/", "archives": [archive]}
    said["archives"] = [{key: value for key, value in archive.items() if value is not None}]
    file = tmp_path / "six.yaml"
    OmegaConf.save(OmegaConf.create(said), file)
    return file


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pictures_come_as_they_are_on_the_side_that_the_set_says(server, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    described(tmp_path, server, zip_of({**PICTURES, "photos/LR/0001.png": b"left out", "photos/HR/note.txt": b""}))
    assert main(["--set", "six.yaml"]) == 0
    folder = Path("data/six")
    assert files_in(folder / "train") == {Path(n).name: c for n, c in PICTURES.items() if "6" not in n}
    assert files_in(folder / "held_out") == {"0006.png": PICTURES["photos/HR/0006.png"]}
    told = caplog.text
    assert told.index("CC0") < told.index("fetching")  # before anything is fetched
    assert "5 in data/six/train, 1 in data/six/held_out" in told.replace("\\", "/")
    assert "data.train_dir=data/six/train data.val_dir=data/six/held_out" in told.replace("\\", "/")
    assert "| *6.png | held_out |" in (folder / "LICENCES.md").read_text(encoding="utf-8")


def test_a_set_with_a_choice_of_its_own_is_trained_on_by_that(server, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    described(tmp_path, server, zip_of(PICTURES)).rename("debian.yaml")
    assert main(["--set", "debian.yaml"]) == 0
    assert caplog.messages[-1].endswith("esrgan_train data=debian")
    assert main(["--set", "debian.yaml", "-o", "elsewhere"]) == 0
    assert "data=folder data.train_dir=elsewhere/train" in caplog.messages[-1].replace("\\", "/")


def test_a_set_that_is_there_is_not_fetched_again(server, tmp_path):
    file = described(tmp_path, server, zip_of(PICTURES))
    bring(str(file), tmp_path / "out")
    (tmp_path / "out" / "archives" / "photos.zip").unlink()  # which may be deleted
    bring(str(file), tmp_path / "out")
    assert len(server.asked) == 1


def test_what_was_cut_off_goes_on(server, tmp_path):
    content = zip_of(PICTURES)
    file = described(tmp_path, server, content)
    server.cut_after = [10_000, 0, 0, 0, 0, 0]
    with pytest.raises(RunError, match=r"photos\.zip was not fetched \(.*the same command goes on"):
        bring(str(file), tmp_path / "out")
    assert not (tmp_path / "out" / "train").exists()
    bring(str(file), tmp_path / "out")
    assert server.sent[-1] == len(content) - 10_000
    assert len(files_in(tmp_path / "out" / "train")) == 5
    assert [path.name for path in (tmp_path / "out" / "archives").iterdir()] == ["photos.zip"]


def test_a_wrong_checksum_leaves_nothing_and_the_next_server_is_asked(server, tmp_path, caplog):
    content = zip_of(PICTURES)
    file = described(tmp_path, server, content, sha256="0" * 64)
    with pytest.raises(RunError, match=r"has the sha256 [0-9a-f]{64} instead of 0{64}"):
        bring(str(file), tmp_path / "out")
    assert list((tmp_path / "out" / "archives").iterdir()) == []
    right = hashlib.md5(content).hexdigest()
    urls = ["http://127.0.0.1:9/nobody.zip", server.url()]
    bring(str(described(tmp_path, server, content, urls=urls, sha256=None, md5=right)), tmp_path / "other")
    assert "127.0.0.1:9/nobody.zip" in caplog.text
    assert len(files_in(tmp_path / "other" / "train")) == 5


def test_a_beginning_of_another_file_is_dropped(server, tmp_path):
    content = zip_of(PICTURES)
    file = described(tmp_path, server, content)
    (tmp_path / "out" / "archives").mkdir(parents=True)
    server.etag = None
    (tmp_path / "out" / "archives" / "photos.zip.partial").write_bytes(b"of another file")
    (tmp_path / "out" / "set.json").write_text(f'{{"edition": "{edition_of(file)}", "whole": false}}')
    bring(str(file), tmp_path / "out")
    assert server.sent == [len(content) - len(b"of another file"), len(content)]
    assert len(files_in(tmp_path / "out" / "train")) == 5


def edition_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def test_without_a_published_checksum_the_first_one_is_kept_and_compared(server, tmp_path, caplog):
    content = zip_of(PICTURES)
    file = described(tmp_path, server, content, sha256=None)
    bring(str(file), tmp_path / "out")
    digits = hashlib.sha256(content).hexdigest()
    assert re.search(rf"has no published checksum: SHA-256 {digits} is kept", caplog.text)
    for name in ("set.json", "archives/photos.zip"):
        (tmp_path / "out" / name).rename(tmp_path / Path(name).name)
    (tmp_path / "set.json").rename(tmp_path / "out" / "set.json")
    (tmp_path / "out" / "set.json").write_text(f'{{"edition": "{edition_of(file)}", "whole": false}}')
    server.content = zip_of({**PICTURES, "photos/HR/0001.png": b"another"})
    with pytest.raises(RunError, match=rf"instead of {digits}"):
        bring(str(file), tmp_path / "out")


def test_an_archive_that_was_put_there_is_taken_if_it_is_the_right_one(server, tmp_path):
    content = zip_of(PICTURES)
    file = described(tmp_path, server, content)
    (tmp_path / "out" / "archives").mkdir(parents=True)
    (tmp_path / "out" / "set.json").write_text(f'{{"edition": "{edition_of(file)}", "whole": false}}')
    mine = tmp_path / "out" / "archives" / "photos.zip"
    mine.write_bytes(b"something else")
    with pytest.raises(UserError, match=r"photos\.zip has the sha256 .*: delete it"):
        bring(str(file), tmp_path / "out")
    mine.write_bytes(content)
    bring(str(file), tmp_path / "out")
    assert server.asked == []


def test_reduced_photographs_are_named_and_lose_the_traces_of_jpeg(server, tmp_path):
    package = ar({"debian-binary": b"2.0\n", "data.tar.xz": tar_of({
        "./usr/share/a/One.JPG": picture(1, ".jpg"),
        "./usr/share/doc/some/copyright": "© Jane Doe".encode(),
    }, compression="xz")})  # fmt: skip
    photograph = {
        "path": "usr/share/a/One.JPG",
        "name": "one",
        "reduce": 2.5,
        "author": "Jane | Doe",
        "licence": "MIT",
    }
    file = described(
        tmp_path, server, package, file="some.deb", licence_file="usr/share/doc/some/copyright",
        photographs=[photograph],
    )  # fmt: skip
    out = bring(str(file), tmp_path / "out")
    assert [path.name for path in (out / "train").iterdir()] == ["one.png"]
    assert decode(out / "train" / "one.png").shape == (24, 36, 3)
    assert (out / "licences" / "some.txt").read_text(encoding="utf-8") == "© Jane Doe"
    assert "| one | train | Jane / Doe | MIT | some.deb: usr/share/a/One.JPG |" in (out / "LICENCES.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("files", "photographs", "told"),
    [
        ({"a.png": b"1"}, [{"path": "b.png"}, {"path": "*.png"}], "does not hold b.png"),
        ({"x/a.png": b"1", "y/a.png": b"2"}, [{"path": "?/a.png"}], "two of its photographs are called a.png"),
        ({"a.png": b"1"}, [{"path": "a.png", "reduce": 2}], r"\.a\.whole\.png cannot be read"),
        ({"x/.hidden.png": b"1"}, [{"path": "x/*.png"}], r"'x/\.hidden\.png' is no name for a photograph"),
        ({"x/y/a.png": b"1"}, [{"path": "x/*.png"}], r"does not hold x/\*\.png"),
    ],
)
def test_an_archive_that_does_not_fit_its_set_is_refused(files, photographs, told, server, tmp_path):
    file = described(tmp_path, server, zip_of(files), photographs=photographs)
    with pytest.raises(UserError, match=rf"photos\.zip: .*{told}"):
        bring(str(file), tmp_path / "out")
    left = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert set(left) <= {"set.json", "photos.zip", "a.png"}


def test_a_folder_with_something_else_is_left_alone(server, tmp_path):
    file = described(tmp_path, server, zip_of(PICTURES))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.png").write_bytes(b"mine")
    with pytest.raises(UserError, match="mine holds something else: give -o"):
        bring(str(file), tmp_path / "mine")
    bring(str(file), tmp_path / "out")
    other = described(tmp_path, server, zip_of(PICTURES), photographs=[{"path": "photos/HR/*.png"}])
    with pytest.raises(UserError, match="holds another edition of the set: delete it"):
        bring(str(other), tmp_path / "out")
    assert len(server.asked) == 1


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(server, tmp_path):
    file = described(tmp_path, server, zip_of(PICTURES), bytes=10**18)
    with pytest.raises(UserError, match=r"free in .*, but the set takes 2,000,000,000\.0 GB"):
        bring(str(file), tmp_path / "out")
    assert server.asked == []


def test_an_archive_of_another_size_is_refused(server, tmp_path):
    content = zip_of(PICTURES)
    with pytest.raises(RunError, match="sends more than"):
        bring(str(described(tmp_path, server, content, bytes=len(content) - 1)), tmp_path / "out")
    with pytest.raises(RunError, match="instead of"):
        bring(str(described(tmp_path, server, content, bytes=len(content) + 1)), tmp_path / "other")
