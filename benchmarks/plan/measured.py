"""Predictions beside what the acceptance kit measured on a card: ``python -m esrgan_train.gpu_check``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.figure import Figure
from benchmarks.plan.gpus import Gpu, sold_as
from benchmarks.plan.loading import Loading
from benchmarks.plan.predict import Prediction
from benchmarks.plan.recipe import Recipe, published
from esrgan_train.errors import UserError
from esrgan_train.training.stages import StageName

_SIZES = re.compile(r"GT (\d+), batch (\d+)")  # in the names of the kit's figures
_STAGES: tuple[StageName, ...] = ("pixel", "gan")
_WAYS = {"photos_workers": "files", "packed_workers": "packed", "packed_device": "device"}


@dataclass(frozen=True)
class Kit:
    """A file of the kit.

    Attributes:
        machine: with its card.
        figures: by key.
    """

    machine: Mapping[str, Any]
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Comparison:
    """A figure of the kit and what is predicted for it."""

    figure: Figure
    predicted: float

    def __str__(self) -> str:
        assert self.figure.ours
        found, unit = self.figure.ours, self.figure.unit
        error = self.predicted / found - 1
        return (
            f"{self.figure.name}: measured {found:.4g} {unit}, predicted {self.predicted:.4g}, error {error:+.0%}"
        )


def read_kit(path: Path) -> Kit:
    """Read a file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = Figure.__dataclass_fields__
        rows = [Figure.from_dict({name: row[name] for name in names}) for row in content["rows"]]
        return Kit(content["machine"], {row.key: row for row in rows})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--measured={path} is no file of python -m esrgan_train.gpu_check: {type(error).__name__}: {error}"
        ) from error


def lines(kit: Kit, ways: list[Loading]) -> list[str]:
    """Each figure that the plan predicts too; or why there is nothing to compare."""
    card = kit.machine.get("card")
    if not card:
        return [f"the kit ran on a {kit.machine['device']}: nothing to compare with a GPU's prediction"]
    gpu = sold_as(card["name"], memory_gb=card["memory_gb"])
    if gpu is None:
        return [f"{card['name']} is not among the cards of the plan: add it to benchmarks/plan/gpus.py"]
    return [f"{gpu.name}, {comparison}" for comparison in compare(kit, gpu, ways)]


def compare(kit: Kit, gpu: Gpu, ways: list[Loading]) -> Iterator[Comparison]:
    """Iterations alone, whole trainings, and the memory of both stages."""
    cores = kit.machine["cores"]
    for stage in _STAGES:
        alone = kit.figures.get(f"step_{stage}")
        if alone is None or not alone.ours or (recipe := _recipe(alone)) is None:
            continue
        yield Comparison(alone, _rate(recipe, recipe.predict(gpu, gpus=1, loading=0)[stage]))
        for suffix, name in _WAYS.items():
            way = next(way for way in ways if way.name == name)
            trained = kit.figures.get(f"train_{stage}_{suffix}")
            if trained is not None and trained.ours:
                loading = way.ms / 1000 / max(1, cores - 1)  # a core is left to training
                found = recipe.predict(gpu, gpus=1, loading=loading, rendering=way.rendering)[stage]
                yield Comparison(trained, _rate(recipe, found))
        memory = kit.figures.get(f"memory_{stage}_packed_workers")
        if memory is not None and memory.ours:
            yield Comparison(memory, recipe.held(stage).bytes(recipe.batch_size) / 2**20)


def _recipe(figure: Figure) -> Recipe | None:
    sizes = _SIZES.search(figure.name)
    if sizes is None:
        return None
    return published([f"data.gt_size={sizes[1]}", f"data.batch_size={sizes[2]}"])


def _rate(recipe: Recipe, stage: Prediction) -> float:
    """Samples per second."""
    return recipe.batch_size / stage.seconds
