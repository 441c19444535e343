"""The wheel holds the package, its configuration and the models that ship, and no benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from esrgan_train.starters.catalogue import FOLDER

pytestmark = pytest.mark.run

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_wheel_is_free_of_benchmarks_and_tests(tmp_path: Path):
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"esrgan_train"}
    assert "esrgan_train/conf/train.yaml" in names
    assert {file.relative_to(ROOT).as_posix() for file in FOLDER.glob("*.*")} <= set(names)
    assert not [name for name in names if "benchmark" in name]
