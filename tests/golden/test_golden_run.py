"""A change of structure leaves every loss of a seeded run as it was, and an old checkpoint resumable.

``python -m pytest tests/golden --update-golden`` writes the goldens again, after a change that is meant to move
them; the changelog then says why. The checkpoints in this folder stay: they stand for those that users have.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.machine import machine

pytestmark = pytest.mark.run

HERE = Path(__file__).parent
OVERRIDES = (
    *("experiment=x4_prelu", "data=sample", "trainer.accelerator=cpu", "trainer.precision=32", "logger=csv"),
    *("degradation=realesrgan", "loss.perceptual.weight=1"),  # whatever the demo does without
    *("data.gt_size=64", "data.batch_size=2", "data.num_workers=0", "callbacks.previews=null"),
    *("callbacks.curves=null", "callbacks.lpips=null", "callbacks.checkpoints.every_n_steps=1"),
    *("loss.adversarial.start_step=4", "trainer.max_steps=8", "trainer.log_every_n_steps=1"),
    *("trainer.limit_val_batches=1", "trainer.num_sanity_val_steps=0"),
)
SAMPLE = ("trainer.val_check_interval=4",)
TINY = (
    *("trainer.val_check_interval=1", "generator.num_feat=8", "generator.num_conv=2"),
    "discriminator.num_feat=2",
)
LOSSES = ("train/pixel", "train/perceptual", "train/adversarial", "train/d_real", "train/d_fake")
MEASURED_BY_THE_CLOCK = "train/samples_per_second"


def run(run_dir: Path, *overrides: str) -> dict[str, Any]:
    """Train in a process with one thread; the rows of metrics.csv, and a digest of every tensor it ends with."""
    command = [sys.executable, "-m", "esrgan_train", *OVERRIDES, *overrides, f"run_dir={run_dir}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=run_dir.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with (run_dir / "metrics.csv").open(newline="") as file:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    for row in rows:
        row.pop(MEASURED_BY_THE_CLOCK, None)
    last = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    moments = [optimizer["state"] for optimizer in last["optimizer_states"]]
    return {"rows": rows, "tensors": digest(last["state_dict"]), "moments": digest(moments)}


def digest(tree: Any) -> str:
    """Of all tensors and numbers in a tree of dicts and lists."""
    if isinstance(tree, dict):
        parts = [f"{name}={digest(tree[name])}" for name in sorted(tree, key=str)]
    elif isinstance(tree, (list, tuple)):
        parts = [digest(each) for each in tree]
    elif isinstance(tree, torch.Tensor):
        parts = [str(tree.dtype), sha256(tree.contiguous().numpy().tobytes()).hexdigest()]
    else:
        parts = [repr(tree)]
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def compare(found: dict[str, Any], golden: dict[str, Any]) -> None:
    """Bit for bit on a machine that rounds as the golden's did; on others what rounding leaves alike."""
    if golden["machine"] == machine():
        assert found == {name: golden[name] for name in found}
        return
    for row, expected in zip(found["rows"], golden["rows"], strict=True):
        assert row.keys() == expected.keys()
        assert row["step"] == expected["step"]
        for name in row.keys() & {*LOSSES}:
            assert float(row[name]) == pytest.approx(float(expected[name]), rel=0.05), (row["step"], name)


@pytest.mark.parametrize(("name", "overrides"), [("sample", SAMPLE), ("tiny", TINY)])
def test_a_seeded_run_is_what_it_was(
    name: str, overrides: tuple[str, ...], tmp_path: Path, update_golden: bool
) -> None:
    check(HERE / f"{name}_run.json", run(tmp_path / "run", *overrides), update=update_golden)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["pixel", "gan"])
def test_a_checkpoint_from_before_resumes_as_it_did(stage: str, tmp_path: Path, update_golden: bool) -> None:
    found = run(tmp_path / "run", *TINY, f"ckpt_path={HERE / f'{stage}_stage.ckpt'}")
    check(HERE / f"{stage}_resumed.json", found, update=update_golden)


def check(golden: Path, found: dict[str, Any], *, update: bool) -> None:
    if update:
        golden.write_text(json.dumps({"machine": machine()} | found, indent=1) + "\n")
    compare(found, json.loads(golden.read_text()))
