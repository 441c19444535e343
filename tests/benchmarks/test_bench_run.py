"""The whole benchmark at tiny sizes: every group, with and without the published code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import peer
from benchmarks.sizes import QUICK
from esrgan_train.errors import UserError

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
    index_files=30,
    worker_samples=(20, 40),
)
GROUPS = ("iterations", "pixel", "degradation", "sample", "waiting", "overhead", "index", "workers")


def measure(folder: Path, *groups: str) -> dict[str, Any]:
    path = command.bench(TINY, quick=True, folder=folder, only=groups)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_every_group_gives_its_rows_and_both_sides_compute_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    content = measure(tmp_path, *GROUPS)
    rows = {row["name"].partition(",")[0]: row for row in content["rows"]}
    assert len(content["rows"]) == 12
    for row in content["rows"]:
        assert row["ours"]["min"] <= row["ours"]["median"] <= row["ours"]["max"]
        if row["peer"] is not None:
            assert row["ratio"] == pytest.approx(row["peer"]["median"] / row["ours"]["median"])
    gan = next(row for row in content["rows"] if "shared_fake_forward=false" in row["name"])
    assert gan["losses"]["ours"].keys() == {"pixel", "d_real", "d_fake"}
    assert gan["losses"]["ours"] == pytest.approx(gan["losses"]["peer"], rel=1e-4)
    assert gan["floor"] > 0
    for row in content["rows"]:
        if "inside Lightning" in row["name"]:
            assert row["losses"]["ours"] == row["losses"]["peer"]  # bit for bit the same weights
    assert "finding 30 photos in folders of 1" in rows
    assert content["floor"]["conv_gflops"]["32"]["discriminator"] > 0
    assert content["machine"]["cores"] >= 1
    printed = capsys.readouterr().out
    assert "Lightning" in printed
    assert "peer ÷ ours" in printed


def test_without_the_published_code_one_line_says_so_and_ours_still_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(peer, "is_installed", lambda: False)
    with caplog.at_level("WARNING"):
        content = measure(tmp_path, "iterations", "degradation")
    assert [record.getMessage() for record in caplog.records].count(peer.MISSING) == 1
    assert len(content["rows"]) == 4
    for row in content["rows"]:
        assert row["peer"] is None
        assert row["ratio"] is None
        assert row["reached"] is None
        assert row["ours"]["median"] > 0


def test_quick_leaves_out_what_takes_long():
    class Rates:
        pass

    quick = command.groups_of(QUICK, Rates()).keys()  # type: ignore[arg-type]
    full = command.groups_of(command.FULL, Rates()).keys()  # type: ignore[arg-type]
    assert {"perceptual", "index"} <= full - quick
    assert quick < full


@pytest.mark.parametrize(("arguments", "expected"), [(["--quick"], QUICK), ([], command.FULL)])
def test_the_command_chooses_the_sizes(
    arguments: list[str], expected: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    seen: list[object] = []
    monkeypatch.setattr(command, "bench", lambda sizes, **_: seen.append(sizes))
    assert command.main([*arguments, "-o", str(tmp_path)]) == 0
    assert seen == [expected]


def test_a_group_that_quick_leaves_out_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="--only perceptual is not measured with --quick"):
        measure(tmp_path, "perceptual")
