"""A set that is written to an address has the bytes of one in a folder, and goes on where it was ended."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import pytest

from esrgan_train.errors import RunError, UserError
from esrgan_train.prepare.__main__ import main
from esrgan_train.prepare.inputs import photos_in
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import pack
from esrgan_train.prepare.target import RemoteTarget
from esrgan_train.remote.url import Url
from esrgan_train.remote.writer import Writer
from tests.data.small import split
from tests.remote.server import NAME, Bucket

URL = f"s3://{NAME}/sets/new"
OPTIONS = Options(scales=(1, 0.5))


@pytest.fixture
def photos(photos: Path, tmp_path: Path) -> Path:
    """Five of them."""
    for number in range(5):
        (tmp_path / "few").mkdir(exist_ok=True)
        shutil.copy(photos / f"{number:02}.png", tmp_path / "few")
    return tmp_path / "few"


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A shard for each photo or two, and a folder of temporary files of its own."""
    monkeypatch.setattr("esrgan_train.prepare.shards._SMALLEST", 400_000)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def written(bucket: Bucket) -> dict[str, bytes]:
    bodies = {key: bucket.client.get_object(Bucket=NAME, Key=key)["Body"].read() for key in bucket.held()}
    return {key.removeprefix("sets/new/"): body for key, body in bodies.items()}


def in_folder(photos: Path, folder: Path, options: Options = OPTIONS) -> dict[str, bytes]:
    pack(photos_in([photos]), folder, options, workers=1)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("options", [OPTIONS, Options(scales=(1,), drop=("duplicate",))])
def test_the_bytes_are_those_of_a_set_in_a_folder(
    photos: Path, bucket: Bucket, tmp_path: Path, options: Options, small_shards: Path
) -> None:
    source = tmp_path / "photos"
    shutil.copytree(photos, source)
    shutil.copy(source / "03.png", source / "03 again.png")
    pack(photos_in([source]), Url(URL), options, workers=1)
    assert written(bucket) == in_folder(source, tmp_path / "set", options)
    assert len(split(URL).training) >= 4
    assert not list(small_shards.iterdir())


@pytest.mark.slow
def test_what_was_sent_before_a_failure_is_not_sent_again(
    photos: Path, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put, sent = Writer.put, []

    def failing(writer: Writer, file: Path, name: str) -> None:
        if len(sent) == 3:
            raise ConnectionError("reset by peer")
        sent.append(name)
        put(writer, file, name)

    def here(jobs: Any, **_: Any) -> None:  # without worker processes, which would not share ``sent``
        for job in jobs:
            job.write(lambda: None)

    monkeypatch.setattr("esrgan_train.prepare.pack.write_shards", here)
    monkeypatch.setattr(Writer, "put", failing)
    with pytest.raises(RunError, match=f"^{URL}: reset by peer; the same command goes on where this ended$"):
        pack(photos_in([photos]), Url(URL), OPTIONS, workers=1)
    with pytest.raises(UserError, match="holds no finished packed set"):
        split(URL)
    monkeypatch.setattr(Writer, "put", put)
    bucket.forgive()
    with caplog.at_level(logging.INFO):
        pack(photos_in([photos]), Url(URL), OPTIONS, workers=1)
    assert f"{URL}: 1 of" in caplog.text
    assert written(bucket) == in_folder(photos, tmp_path / "set")
    again = [r.path for r in bucket.requests if r.method == "PUT" and r.path.startswith("sets/new/unfinished")]
    assert not {f"sets/new/{name}" for name in sent} & {*again}
    with pytest.raises(UserError, match=f"^{URL} holds a set that was made otherwise: scales="):
        pack(photos_in([photos]), Url(URL), Options(scales=(1,)), workers=1)


def test_a_place_that_holds_something_else_is_refused(photos: Path, bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=NAME, Key="sets/new/letter.txt", Body=b"dear")
    with pytest.raises(UserError, match=f"^-o {URL} exists and is no packed set: give a new folder"):
        pack(photos_in([photos]), Url(URL), OPTIONS, workers=1)
    with pytest.raises(UserError, match=r"^https://host/set cannot be written to: give s3://, gs:// or hf://"):
        pack(photos_in([photos]), Url("https://host/set"), OPTIONS, workers=1)


def test_no_room_for_what_is_sent_next_is_said_first(
    photos: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1000))  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"shards are made in .*, 0\.0 GB at a time, and 0\.0 GB are free there"):
        pack(photos_in([photos]), Url(URL), OPTIONS, workers=1)
    assert not bucket.held()


def test_what_a_killed_command_left_on_this_machine_is_taken_away(small_shards: Path) -> None:
    target = RemoteTarget(Url("memory://x"))
    with pytest.raises(KeyboardInterrupt), target.writing("a") as partial:
        partial.write_text("")
        left = partial.parent
        raise KeyboardInterrupt
    left.mkdir()
    (small_shards / "another").mkdir()
    target.tidy()
    assert [path.name for path in small_shards.iterdir()] == ["another"]


@pytest.mark.slow
@pytest.mark.run
def test_the_command(photos: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(photos), "-o", URL, "--workers", "2"]) == 0
    assert {"set.json", "manifest.csv", "summary.png", "shard-00000.npy"} <= {*written(bucket)}
    assert main([str(photos), "-o", URL]) == 0
    assert "5 " in capsys.readouterr().out
