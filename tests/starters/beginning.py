"""The first hundred iterations of a starter model's training, again: ``python -m tests.starters.beginning NAME…``.

Starts the command of each model card, ends it after a hundred iterations and compares what it logs with the card:
bit for bit on the kind of processor that trained the model; on others all but the norm of the gradient, which
rounding changes most, within 1e-3.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer

from esrgan_train.errors import RunError, UserError
from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows
from esrgan_train.starters.catalogue import STARTERS
from tests.machine import machine

ROOT = Path(__file__).parents[2]
ITERATIONS = 100
TOLERANCE = 1e-3  # of figures on another processor, which rounds otherwise or has no bf16
BY_THE_CLOCK = "train/samples_per_second"
NORM = "train/grad_norm"


class Until(Callback):
    """Ends a run after so many iterations, without changing its course as ``trainer.max_steps`` would."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.should_stop or trainer.global_step >= self.iterations


def begin(
    words: Sequence[str], folder: Path, *, threads: int | None, iterations: int = ITERATIONS
) -> dict[str, str]:
    """Start a training with these overrides in ``folder`` and end it early: ``figures_of`` it.

    Raises:
        RunError: it failed; its own messages say why.
    """
    ended = [
        "+callbacks.until._target_=tests.starters.beginning.Until",
        f"+callbacks.until.iterations={iterations}",
    ]
    quick = ["trainer.num_sanity_val_steps=0", "trainer.limit_val_batches=1"]  # what is shown, not what is trained
    quick += [f"callbacks.{name}=null" for name in ("previews", "curves", "report")]
    command = [sys.executable, "-m", "esrgan_train", *words, f"run_dir={folder}", *quick, *ended]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))  # where Until is found
    environment = (
        os.environ | {"PYTHONPATH": paths} | ({} if threads is None else {"OMP_NUM_THREADS": str(threads)})
    )
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
        raise RunError(f"{' '.join(command)} has failed, see above")
    return figures_of(folder, iterations)


def figures_of(run: Path, iterations: int = ITERATIONS) -> dict[str, str]:
    """What a run logged of its training after so many iterations, as written: means since the line before.

    Raises:
        UserError: no line was logged then.
    """
    for row in read_rows(run / FILE_NAME):
        if row["step"] == str(iterations) and row.get("train/pixel"):
            return {name: value for name, value in row.items() if is_figure(name) and value}
    raise UserError(f"{run / FILE_NAME} has no line of iteration {iterations}: train with recipe=starter")


def is_figure(name: str) -> bool:
    """Whether a column tells of the training, and not of the clock."""
    return name.startswith("train/") and name != BY_THE_CLOCK


def difference(found: Mapping[str, str], beginning: Mapping[str, Any]) -> float:
    """The largest between what was logged and what a card tells; 0 where all is equal as written.

    On another kind of processor only of values in [0, 1]: a norm of gradients differs there by several percent.
    """
    expected = beginning["figures"]
    if found.keys() != expected.keys():
        raise RunError(f"the run logs {', '.join(found)}, and not {', '.join(expected)}")
    compared = [name for name in expected if is_alike(beginning) or not name.startswith(NORM)]
    pairs = ((float(found[name]), float(expected[name])) for name in compared)
    return max(abs(one - other) for one, other in pairs)


def is_alike(beginning: Mapping[str, Any]) -> bool:
    """Whether this is the kind of processor that trained the model."""
    return bool(beginning["machine"] == machine())


def allowed(beginning: Mapping[str, Any]) -> float:
    """The difference that may be here from the beginning that a card tells."""
    return 0.0 if is_alike(beginning) else TOLERANCE


def main(names: Sequence[str]) -> int:
    """Print a line for each model; 0 if all are as their cards say."""
    known = {one.name: one.record for one in STARTERS}
    far = 0
    for name in names or known:
        if name not in known:
            raise SystemExit(f"{name}: give {', '.join(known)}")
        record = json.loads(known[name].read_text(encoding="utf-8"))
        beginning, threads = record["beginning"], record["threads"]
        with tempfile.TemporaryDirectory() as folder:
            found = begin(
                record["overrides"], Path(folder) / "run", threads=threads, iterations=beginning["iterations"]
            )
        largest, most = difference(found, beginning), allowed(beginning)
        far += largest > most
        print(f"{name}: {beginning['iterations']} iterations, largest difference {largest:.2g}, allowed {most:g}")
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
