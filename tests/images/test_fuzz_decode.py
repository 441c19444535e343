from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.images.fuzz_decode import originals

pytestmark = pytest.mark.run

PROGRAM = Path(__file__).with_name("fuzz_decode.py")


def fuzz(folder: Path, count: int, seed: int, seconds: float) -> Counter[str]:
    """How many files of each kind were decoded or refused; the last line names the one that was neither."""
    command = [sys.executable, str(PROGRAM), str(folder), str(count), str(seed)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as expired:
        lines = (expired.stdout or b"").decode().splitlines()
        pytest.fail(f"stuck at {lines[-1:]}")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"status {done.returncode} at {lines[-1:]}: {done.stderr[-2000:]}"
    assert len(lines) == count
    return Counter(line.partition(" ")[2] for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "seed"), [(1000, 0), pytest.param(50_000, 1, marks=pytest.mark.tools)], ids=["1000", "50000"]
)
def test_a_damaged_file_is_decoded_or_refused_and_nothing_else(tmp_path: Path, count: int, seed: int) -> None:
    outcome = fuzz(tmp_path, count, seed, seconds=60 + count / 50)
    kinds = {line.partition(" ")[0] for line in outcome}
    assert kinds == set(originals())
    assert all(outcome[f"{kind} refused"] for kind in kinds)  # the damage is real
    decoded = sum(number for line, number in outcome.items() if line.endswith("decoded"))
    assert 0.02 * count < decoded < 0.5 * count  # and not total
