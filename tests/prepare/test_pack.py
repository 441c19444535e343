"""The command as a user runs it, on folders with planted faults."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from PIL import Image

from esrgan_train.data.folders import folder_photos
from esrgan_train.data.packed import open_packed
from esrgan_train.errors import RunError, UserError
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.prepare import manifest, pack, shards
from esrgan_train.prepare.__main__ import main
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options
from tests.small_files import files_of_at_most

CHECKOUT = Path(__file__).parent.parent.parent
SAMPLE = Path(skimage.__file__).parent / "data"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Sharp photographs, and one of each fault."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("astronaut", "coffee", "chelsea", "brick", "motorcycle_left"):
        shutil.copy(SAMPLE / f"{name}.png", folder)
    sharp = Image.open(SAMPLE / "coffee.png").convert("RGB")
    sharp.resize((300, 200), Image.Resampling.LANCZOS).save(folder / "same_but_smaller.png")
    blurred = Image.open(SAMPLE / "astronaut.png").convert("RGB").crop((100, 0, 400, 300))
    blurred.resize((75, 75)).resize((300, 300), Image.Resampling.BICUBIC).save(folder / "blurred.png")
    Image.open(SAMPLE / "rocket.jpg").save(folder / "compressed.jpg", quality=40)
    Image.fromarray(np.full((200, 200, 3), 240, np.uint8)).save(folder / "blank.png")
    (folder / "truncated.png").write_bytes((SAMPLE / "chelsea.png").read_bytes()[:9000])
    (folder / "text.png").write_text("no picture")
    (folder / "vanished.png").symlink_to(folder / "nowhere.png")
    return folder


def rows_of(target: Path) -> dict[str, Row]:
    return {row.name: row for row in manifest.read(target / pack.MANIFEST)}


def digests(target: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(target.iterdir())}


def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "_SMALLEST", 2**20)


@pytest.mark.slow
@pytest.mark.run
def test_faults_are_named_with_score_and_reason(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "set"
    assert main([str(photos), "-o", str(target)]) == 0
    rows = rows_of(target)
    assert Counter(row.status for row in rows.values()) == {"kept": 5, "reported": 4, "unreadable": 3}
    assert rows["blurred.png"].reason.startswith("blurred: edges ")
    assert rows["compressed.jpg"].reason.startswith("compressed: JPEG 40 (limit 75)")
    assert rows["blank.png"].reason.startswith("flat: 0.0% has detail")
    assert rows["same_but_smaller.png"].reason.startswith("duplicate: like coffee.png (")
    assert "photos/vanished.png cannot be read: No such file" in rows["vanished.png"].reason
    assert "truncated" in rows["truncated.png"].reason
    assert (rows["astronaut.png"].width, rows["astronaut.png"].bits, rows["astronaut.png"].entries) == (512, 8, 1)
    assert rows["compressed.jpg"].jpeg_quality == 40
    assert len(open_packed(target, option="x")) == 9
    assert decode(target / "summary.png").shape[1] > 1000
    assert "5 kept" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.run
def test_dropped_kinds_are_left_out(photos: Path, tmp_path: Path) -> None:
    def kept(name: str, *options: str) -> set[str]:
        assert main([str(photos), "-o", str(tmp_path / name), *options]) == 0
        source = open_packed(tmp_path / name, option="x")
        return {source.name(index) for index in range(len(source))}

    everything = kept("none")
    reported = {"blurred.png", "compressed.jpg", "blank.png", "same_but_smaller.png"}
    assert kept("some", "--drop", "duplicate", "compressed") == everything - {
        "compressed.jpg",
        "same_but_smaller.png",
    }
    assert kept("all", "--drop") == everything - reported
    statuses = Counter(row.status for row in rows_of(tmp_path / "all").values())
    assert statuses == {"kept": 5, "left out": 4, "unreadable": 3}


@pytest.mark.slow
@pytest.mark.run
def test_the_same_photos_give_the_same_bytes_whatever_the_workers(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_shards(monkeypatch)
    for workers in (1, 3):
        assert main([str(photos), "-o", str(tmp_path / str(workers)), "--workers", str(workers)]) == 0
    one, three = (digests(tmp_path / name) for name in ("1", "3"))
    one.pop("summary.png"), three.pop("summary.png")  # its title names the folder
    assert len([name for name in one if name.startswith("shard")]) > 3
    assert one == three


@pytest.mark.tools
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_command_goes_on_and_ends_as_if_nothing_had_happened(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder, target = tmp_path / "photos", tmp_path / "set"
    for place in range(40):
        noise = np.random.default_rng(place).integers(0, 256, (600, 900, 3), dtype=np.uint8)
        write_image(folder / f"{place:02}.png", noise)
    script = (
        "import sys; from esrgan_train.prepare import shards; shards._SMALLEST = 2**22; "
        "from esrgan_train.cli import run_command; from esrgan_train.prepare.__main__ import main; "
        "sys.exit(run_command(main))"
    )
    command = [sys.executable, "-c", script, str(folder), "--workers", "1", "-o"]
    running = subprocess.Popen([*command, str(target)], cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
    while len(list(target.glob("unfinished/shard*.json"))) < 3:
        time.sleep(0.01)
        assert running.poll() is None
    running.send_signal(number)
    _, said = running.communicate()
    done = len(list(target.glob("unfinished/shard*.json")))
    assert 3 <= done < 20
    if number != signal.SIGKILL:
        assert running.returncode == 128 + number
        assert f"stopped by {number.name}; {target} is unfinished: the same command goes on" in said
    with pytest.raises(UserError, match="is a packed set that is not finished: give the command"):
        folder_photos(train_dir=target, val_dir=None, val_fraction=0.05, max_val_photos=1)
    again = subprocess.run([*command, str(target)], cwd=CHECKOUT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"of {len(list(target.glob('shard*')))} shards are there already" in again.stdout
    subprocess.run([*command, str(tmp_path / "other")], cwd=CHECKOUT, capture_output=True, check=True)
    resumed, whole = digests(target), digests(tmp_path / "other")
    resumed.pop("summary.png"), whole.pop("summary.png")
    assert resumed == whole


@pytest.mark.slow
@pytest.mark.run
def test_a_finished_set_is_left_as_it_is_and_another_one_is_refused(photos: Path, tmp_path: Path) -> None:
    target = tmp_path / "set"
    given = [str(photos), "-o", str(target)]
    assert main(given) == 0
    before = digests(target)
    times = {path: path.stat().st_mtime_ns for path in target.glob("shard*")}
    assert main(given) == 0
    assert digests(target) == before
    assert {path: path.stat().st_mtime_ns for path in target.glob("shard*")} == times
    with pytest.raises(
        UserError, match=r"was made otherwise: tile=64 \(was None\), min_detail=0\.02 \(was 0\.0\)"
    ):
        main([*given, "--tile", "64"])
    (photos / "blank.png").unlink()
    with pytest.raises(UserError, match=r"the names or sizes of the photos, 11 \(were 12\); give another folder"):
        main(given)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(UserError, match=r"exists and is no packed set: give a new folder"):
        main([str(photos), "-o", str(tmp_path / "full")])


@pytest.mark.slow
@pytest.mark.run
def test_tiles_cover_a_photo_and_flat_ones_are_left_out(tmp_path: Path) -> None:
    whole = np.full((200, 330, 3), 200, np.uint8)  # a blank wall
    whole[:, :100] = decode(SAMPLE / "brick.png")[:200, :100]
    write_image(tmp_path / "photos/wall.png", whole)
    source = packed_by(tmp_path, "--tile", "128", "--stride", "64")
    names = {source.name(index) for index in range(len(source))}
    assert names == {f"wall.png#{top},{left}" for top in (0, 64, 72) for left in (0, 64)}
    for index in range(len(source)):
        top, left = map(int, source.name(index).partition("#")[2].split(","))
        assert np.array_equal(source.decode(index).hr, whole[top : top + 128, left : left + 128])
    everything = packed_by(tmp_path, "--tile", "128", "--stride", "64", "--min-detail", "0", name="every")
    covered = np.zeros(whole.shape[:2], bool)
    for index in range(len(everything)):
        top, left = map(int, everything.name(index).partition("#")[2].split(","))
        covered[top : top + 128, left : left + 128] = True
    assert covered.all()


@pytest.mark.slow
@pytest.mark.run
def test_large_photos_are_reduced(tmp_path: Path) -> None:
    photo = decode(SAMPLE / "astronaut.png")
    write_image(tmp_path / "photos/a.png", photo)
    write_image(tmp_path / "photos/b.png", photo[:100, :90])
    source = packed_by(tmp_path, "--max-side", "200")
    reduced = np.asarray(Image.fromarray(photo).resize((200, 200), Image.Resampling.LANCZOS))
    assert source.decode(0).hr.shape == (200, 200, 3)
    assert np.abs(source.decode(0).hr.astype(int) - reduced).max() <= 1
    assert np.array_equal(source.decode(1).hr, photo[:100, :90])


def packed_by(root: Path, *options: str, name: str = "set") -> Any:
    assert main([str(root / "photos"), "-o", str(root / name), *options]) == 0
    return open_packed(root / name, option="x")


@pytest.mark.slow
@pytest.mark.run
def test_pairs_are_packed_and_misfits_named(tmp_path: Path) -> None:
    for number, size in enumerate([(80, 60), (90, 66), (40, 40), (64, 30)]):
        hr = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
        write_image(tmp_path / f"hr/{number}.png", hr)
        small = hr[::2, ::2] if number != 2 else hr[::4, ::4]
        write_image(tmp_path / f"lr/{number}x2.png", small)
    target = tmp_path / "set"
    assert main([str(tmp_path / "hr"), "--lr", str(tmp_path / "lr"), "-o", str(target)]) == 0
    source = open_packed(target, option="x")
    assert source.layout.upscale == 2
    assert [source.name(index) for index in range(len(source))] == ["0.png", "1.png", "3.png"]
    for index in range(len(source)):
        pair = source.decode(index)
        assert pair.lr is not None
        assert np.array_equal(pair.lr, pair.hr[::2, ::2])
        assert not pair.scaled
    assert "is 40 × 40, but upscale=2 times its LR" in rows_of(target)["2.png"].reason
    assert (
        main([str(tmp_path / "hr"), "--lr", str(tmp_path / "lr"), "-o", str(tmp_path / "t"), "--tile", "64"]) == 0
    )
    tiles = open_packed(tmp_path / "t", option="x")
    for index in range(len(tiles)):
        pair = tiles.decode(index)
        assert np.array_equal(pair.lr, pair.hr[::2, ::2])
    with pytest.raises(UserError, match=r"--tile 65 is no multiple of the pairs' ×2: give 64"):
        main([str(tmp_path / "hr"), "--lr", str(tmp_path / "lr"), "-o", str(tmp_path / "u"), "--tile", "65"])


@pytest.mark.run
def test_files_and_several_folders_are_taken_and_named_apart(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/1.png", "c/1.png", "c/2.png"):
        write_image(tmp_path / name, decode(SAMPLE / "coffee.png")[:100, :100])
    target = tmp_path / "set"
    assert main([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "c/2.png"), "-o", str(target)]) == 0
    source = open_packed(target, option="x")
    assert [source.name(index) for index in range(len(source))] == ["a/1.png", "b/1.png", "c/2.png"]
    with pytest.raises(UserError, match=r"c/2\.png lies in .*c, which is given too: give one of them"):
        main([str(tmp_path / "c"), str(tmp_path / "c/2.png"), "-o", str(tmp_path / "x")])


@pytest.mark.run
def test_names_may_hold_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    name = os.fsdecode(b'\xff e\xcc\x81, "q".png')
    write_image(tmp_path / "photos" / "plain.png", decode(SAMPLE / "coffee.png")[:100, :100])
    (tmp_path / "photos" / "plain.png").rename(tmp_path / "photos" / name)
    source = packed_by(tmp_path)
    assert source.name(0) == name
    assert [row.name for row in manifest.read(tmp_path / "set/manifest.csv")] == [name]


@pytest.mark.slow
@pytest.mark.run
def test_too_small_a_disk_is_said_before_and_a_full_one_loses_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [str(photos), "-o", str(tmp_path / "set"), "--workers", "1"]
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**6))
        with pytest.raises(UserError, match=r"the set takes about 0\.0 GB, and 0\.0 GB are free: free some space"):
            main(given)
    small_shards(monkeypatch)
    with (
        files_of_at_most(1_900_000),
        pytest.raises(RunError, match=r"shard-.*: File too large; the same command goes on"),
    ):
        main(given)
    assert not list((tmp_path / "set").glob("*.partial*"))
    assert main(given) == 0
    assert len(open_packed(tmp_path / "set", option="x")) == 9


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_text("no picture")
    with pytest.raises(UserError, match=r"nothing is left of 1 photos: .*a\.png cannot be read"):
        main([str(tmp_path / "photos"), "-o", str(tmp_path / "set")])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 64}, "--stride 64 has no effect without --tile"),
        ({"upscale": 2, "max_side": 100}, "--max-side 100 cannot be used with --lr"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Options(scales=(1,), **options)


def test_the_plan_of_shards_is_a_function_of_sizes_and_options() -> None:
    options = Options(scales=(1, 0.5))
    ranges, lengths = shards.plan([shards.Expected((1000, 2000), 1)] * 100, options)
    assert [number for each in ranges for number in each] == list(range(100))
    assert max(lengths) <= 2**26
    assert sum(lengths) == 100 * options.layout.length((1000, 2000), 1)
    assert shards.plan([], options) == ([range(0, 0)], [0])
    assert json.loads(json.dumps(dict(options.as_dict())))["scales"] == [1, 0.5]
