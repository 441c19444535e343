"""The whole benchmark at tiny sizes: every group, with and without the published code."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import peer
from benchmarks.row import Row
from benchmarks.sizes import QUICK
from esrgan_train.errors import UserError

pytestmark = pytest.mark.run

TINY = replace(
    QUICK,
    gt_size=16,
    gan_batch=2,
    num_feat=8,
    num_conv=2,
    discriminator_feat=8,
    rounds=2,
    window=64,
    photo_size=(480, 440),
    sample_gt_size=64,
    image_rounds=1,
    loop_gt_size=16,
    loop_block=1,
    scaled_size=(480, 440),
    packed_photos=2,
    entries=400,
    touched=200,
)
PACKED_GROUPS = ("sample", "windows", "prepare", "packed")
GROUPS = ("iterations", "pixel", "degradation", "waiting", "overhead")


def measure(folder: Path, *groups: str) -> dict[str, Any]:
    command.bench(TINY, quick=True, folder=folder, only=groups)
    (path,) = folder.glob("*.json")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@pytest.mark.slow
def test_every_group_gives_its_rows_and_both_sides_compute_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content = measure(tmp_path, *GROUPS)
    rows = {row["key"]: row for row in content["rows"]}
    assert rows.keys() == {
        *("gan_iteration_fp32", "gan_iteration", "pixel_iteration", "degradation", "usm_degradation"),
        *("pixel_waiting", "gan_waiting", "pixel_overhead", "gan_overhead"),
    }
    for row in content["rows"]:
        assert row["ours"]["min"] <= row["ours"]["median"] <= row["ours"]["max"]
        if row["peer"] is not None:
            assert row["ratio"] == pytest.approx(row["peer"]["median"] / row["ours"]["median"])
    gan = rows["gan_iteration_fp32"]
    assert gan["sizes"] == {"gt_size": 16, "batch_size": 2}
    assert gan["losses"]["ours"].keys() == {"pixel", "d_real", "d_fake"}
    assert gan["losses"]["ours"] == pytest.approx(gan["losses"]["peer"], rel=1e-4)
    assert gan["floor"] > 0
    for stage in ("pixel", "gan"):
        losses = rows[f"{stage}_overhead"]["losses"]
        assert losses["ours"] == losses["peer"]  # bit for bit the same weights
    assert content["floor"]["conv_gflops"]["32"]["discriminator"] > 0
    assert content["machine"]["cores"] >= 1
    printed = capsys.readouterr().out
    assert "Lightning" in printed
    assert "peer ÷ ours" in printed


@pytest.mark.slow
@pytest.mark.parametrize("published", [True, False])
def test_samples_from_files_and_packed_sets_are_the_same_and_their_rows_come_with_or_without_the_published_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, published: bool
):
    if not published:
        monkeypatch.setattr(peer, "missing", lambda: "not installed")
    rows = {row["key"]: row for row in measure(tmp_path, *PACKED_GROUPS)["rows"]}
    samples = [
        "sample",
        "packed_sample",
        "packed_plain_sample",
        "packed_worker_sample",
        *(["packed_sample_published"] if published else []),
    ]
    windows = [f"{kind}_{percent}" for percent in (100, 75, 50, 33) for kind in ("window", "packed_window")]
    assert [*rows] == [*samples, *windows, "prepare", "packed_open", "packed_memory"]
    assert rows["sample"]["floor"] > 0
    assert rows["packed_sample"]["floor"] == rows["packed_sample"]["peer"]["min"]
    assert rows["packed_sample"]["goal"] == {"of": "share", "limit": 1.25}
    assert rows["packed_plain_sample"]["goal"] == {"of": "speedup", "limit": 5}
    assert rows["packed_worker_sample"]["goal"] == {"of": "value", "limit": 2.0}
    assert rows["packed_plain_sample"]["losses"]["ours"] == rows["packed_plain_sample"]["losses"]["peer"]
    assert "photos a second" in rows["prepare"]["note"]
    assert rows["packed_open"]["goal"] == {"of": "value", "limit": 1.0}
    assert rows["packed_memory"]["reached"]


@pytest.mark.slow
def test_without_the_published_code_one_line_says_so_and_ours_still_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(peer, "missing", lambda: "not installed")
    with caplog.at_level("WARNING"):
        content = measure(tmp_path, "iterations", "degradation")
    assert [record.getMessage() for record in caplog.records].count("not installed") == 1
    assert len(content["rows"]) == 4
    for row in content["rows"]:
        assert row["peer"] is None
        assert row["ratio"] is None
        assert row["reached"] is None
        assert row["ours"]["median"] > 0


def test_the_message_names_what_is_missing_and_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lmdb" else found(name))
    assert (message := peer.missing()) is not None
    for part in ("lmdb not installed", "make bench", "pip install '.[dev]'"):
        assert part in message


def test_quick_leaves_out_what_takes_long():
    quick, full = command.chosen_groups(QUICK).keys(), command.chosen_groups(command.FULL).keys()
    assert {"perceptual", "upscale"} <= full - quick
    assert quick < full


@pytest.mark.parametrize(("arguments", "expected"), [(["--quick"], QUICK), ([], command.FULL)])
def test_the_command_chooses_the_sizes(
    arguments: list[str], expected: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    seen: list[object] = []

    def bench(sizes: object, **_: object) -> list[Row]:
        seen.append(sizes)
        return []

    monkeypatch.setattr(command, "bench", bench)
    assert command.main([*arguments, "-o", str(tmp_path)]) == 0
    assert seen == [expected]


def test_a_group_that_quick_leaves_out_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="--only perceptual is not measured with --quick"):
        measure(tmp_path, "perceptual")
