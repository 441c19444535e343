"""What a finished run says of a starter model: the facts of its card, as plain values."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from benchmarks.machine import cpu_features, cpu_name
from esrgan_train.checks.terms import has_gan_stage
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import ModelFile
from esrgan_train.moved import read_config
from esrgan_train.origin import ORIGIN
from esrgan_train.starters.catalogue import NETWORK, Starter
from tests.machine import machine
from tests.starters.beginning import ITERATIONS, figures_of

SET = Path("data/debian")  # what `make photos` fetches
LICENCE = "MIT"  # of the weights, as of this repository; the photographs keep theirs


def read_json(file: Path) -> dict[str, Any]:
    """``UserError`` if it is not there."""
    if not file.is_file():
        raise UserError(f"{file} is not there: give the folder of a run that has ended")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def check_run(run: Path, starter: Starter) -> DictConfig:
    """The configuration of a run that made a starter model.

    Raises:
        UserError: it was trained otherwise than its card would say, or has not ended.
    """
    cfg, done = read_config(run / "config.yaml"), read_json(run / "summary.json")["iterations"]
    wanted = {
        "experiment": (cfg.experiment, starter.name),
        "recipe": (cfg.recipe.name, "starter"),
        "upscale": (cfg.upscale, starter.scale),
        "init_from": (cfg.init_from, None),
        "teacher": (cfg.teacher, None),
        "data.train_dir": (cfg.data.train_dir, (SET / "train").as_posix()),
        "data.val_dir": (cfg.data.val_dir, (SET / "held_out").as_posix()),
        "iterations": (done, cfg.trainer.max_steps),
        **{f"generator.{name}": (cfg.generator.get(name), value) for name, value in NETWORK.items()},
    }
    for option, (found, right) in wanted.items():
        if found != right:
            raise UserError(f"{run}: {option} is {found}, and a starter model needs {right}: train it so")
    return cfg


def overrides_of(run: Path) -> list[str]:
    """The words that start the same training again."""
    words = shlex.split(read_json(run / ORIGIN)["commands"]["repeat"])
    first = next(n for n, word in enumerate(words) if word in ("esrgan_train", "esrgan-train"))
    return words[first + 1 :]


def threads_of(run: Path) -> int | None:
    """Of the processor that trained; None on a GPU."""
    found = re.search(r"\((\d+) threads\)", read_json(run / ORIGIN)["environment"]["device"])
    return int(found[1]) if found else None


def command(overrides: list[str], threads: int | None) -> str:
    """As typed into a shell."""
    start = "" if threads is None else f"OMP_NUM_THREADS={threads} "
    return f"{start}python -m esrgan_train {shlex.join(overrides)}"


def record(
    run: Path, starter: Starter, model: ModelFile, scores: Mapping[str, float], again: Mapping[str, str]
) -> dict[str, Any]:
    """All facts; ``again`` are the figures of the first iterations, as the command has them now on this machine.

    Only where they equal the run's own, bit for bit, is this kind of processor the one that trained the model.

    Raises:
        UserError: as ``check_run``, or the figures differ.
    """
    cfg, summary, origin = check_run(run, starter), read_json(run / "summary.json"), read_json(run / ORIGIN)
    figures, overrides, threads = figures_of(run), overrides_of(run), threads_of(run)
    if dict(again) != figures:
        raise UserError(
            f"{run}: its command now has {dict(again)} after {ITERATIONS} iterations, and had {figures}: put it "
            "into place on the machine that trained it, from the same commit and photographs"
        )
    photos, last = read_json(SET / "set.json"), cfg.trainer.max_steps
    pixel = min(cfg.loss.adversarial.start_step, last) if has_gan_stage(cfg) else last
    environment = origin["environment"]
    return {
        "name": starter.name,
        "scale": starter.scale,
        "purpose": starter.purpose,
        "network": model.metadata["options"],
        "parameters": sum(tensor.numel() for tensor in model.state_dict.values()),
        "licence": LICENCE,
        "data": {"set": SET.name, "edition": photos["edition"], "photographs": origin["data"]["photos"]},
        "commit": summary["commit"],
        "seed": summary["seed"],
        "command": command(overrides, threads),
        "overrides": overrides,
        "iterations": {"pixel": pixel, "gan": last - pixel},
        "weights": model.metadata["chosen"],
        "seconds": summary["seconds"],
        "samples_per_second": summary["samples_per_second"],
        "processor": f"{cpu_name()} ({', '.join(cpu_features())})",
        "threads": threads,
        "precision": environment["precision"],
        "versions": {name: environment[name] for name in ("esrgan_train", "Python", "torch", "numpy", "pillow")},
        "held_out": dict(scores),
        "beginning": {"iterations": ITERATIONS, "figures": figures, "machine": machine()},
    }
