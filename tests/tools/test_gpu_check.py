"""The acceptance kit as a user runs it on a machine without a GPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tools

ROOT = Path(__file__).parents[2]
KIT = ("-m", "esrgan_train.gpu_check", "--device", "cpu", "--quick")


def kit(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *KIT, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_every_part_runs_on_a_cpu(tmp_path: Path) -> None:
    ended = kit("-o", str(tmp_path))
    log = "".join(file.read_text() for file in tmp_path.glob("*.log"))
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}\n{log}"
    (file,) = tmp_path.glob("*-quick.json")
    found = json.loads(file.read_text())
    rows = {row["key"]: row for row in found["rows"]}
    tests = [row for row in found["rows"] if row["verdict"] == "passed"]
    assert len(tests) > 30
    assert {row["verdict"] for row in found["rows"]} == {"passed", "measured"}
    ran = [row for row in tests if not row["note"].startswith("skipped")]
    assert f"{len(ran)} tests marked gpu" in ended.stdout
    for stage in ("pixel", "gan"):
        for kind in ("packed", "photos"):
            for side in ("device", "workers"):
                assert rows[f"train_{stage}_{kind}_{side}"]["ours"] > 0
                assert 0 <= rows[f"waiting_{stage}_{kind}_{side}"]["ours"] <= 100
    compared = "train_gan_packed_device step_pixel step_gan upscale_x4_120 upscale_x2_108 degrade_device"
    for key in compared.split():
        assert rows[key]["peer"] > 0, (rows[key]["note"], log)  # the published code ran beside it
    assert 0 < rows["gan_rate"]["ours"] < 110
    assert found["machine"]["commit"]
    assert found["machine"]["device"] == "cpu"


def test_a_test_that_fails_is_named_and_gives_status_1(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--device')\n")
    planted = "import pytest\n@pytest.mark.gpu\ndef test_planted(): assert False, 'on purpose'\n"
    (tmp_path / "tests" / "test_planted.py").write_text(planted)
    ended = kit("-o", str(tmp_path / "out"), "--tests", str(tmp_path / "tests"), "--only", "tests", "upscaling")
    assert ended.returncode == 1
    assert "test_planted.py::test_planted" in ended.stderr.splitlines()[-1]
    assert "on purpose" in ended.stdout
    assert "upscaling 160 × 120 by ×4" in ended.stdout  # the other part ran


def test_without_a_gpu_it_says_how_to_try_it() -> None:
    ended = subprocess.run([sys.executable, *KIT[:2]], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert (
        ended.stderr
        == "error: --device cuda: torch finds no GPU here; give --device cpu --quick to try the kit without\n"
    )
