"""The evaluation command: ``python -m esrgan_train.evaluate --gt FOLDER (--model FILE | --results FOLDER)``."""

from __future__ import annotations

import argparse
import csv
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import add_upscaler_options, number
from esrgan_train.bounds import Count, Seed
from esrgan_train.building import build
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.evaluate.pairs import check_sizes, find_pairs
from esrgan_train.evaluate.scores import Scored, all_measures, score
from esrgan_train.files import replacing
from esrgan_train.images.encode import write_image
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.models import open_upscaler

log = logging.getLogger(__name__)

_WORST = 4  # rows of the contact sheet
_DEGRADATIONS = ("bicubic", "realesrgan", "light", "frames", "video", "anime", "scan", "web")


def main(arguments: list[str] | None = None) -> int:
    """Score every pair, print the means, and write ``scores.csv`` and ``worst.png``."""
    options = _parser().parse_args(arguments)
    if (options.model is None) == (options.results is None):
        raise UserError("give either --model FILE or --results FOLDER")
    if options.results is not None and options.scale is None:
        raise UserError("--results needs --scale: it says how wide the border is that is not counted")
    pairs = find_pairs(options.gt, results=options.results, inputs=options.lr)
    upscaler, scale = None, options.scale
    if options.model is not None:
        device, precision, runtime = options.device, options.precision, options.runtime
        upscaler = open_upscaler(options.model, device=device, precision=precision, tile=None, runtime=runtime)
        if scale not in (None, upscaler.scale):
            raise UserError(f"--scale {scale} does not fit the model, which enlarges ×{upscaler.scale}")
        scale = upscaler.scale
    degrade = build(compose_config([f"degradation={options.degradation}", f"upscale={scale}"]).degradation)
    check_sizes(pairs, scale)
    measures = all_measures()
    scores: list[Scored] = []
    for pair in pairs:
        one = score(pair, scale=scale, upscaler=upscaler, degrade=degrade, seed=options.seed, measures=measures)
        scores = sorted([*scores, one], key=lambda one: one.values["psnr_y"])
        scores[_WORST:] = [replace(one, crops=()) for one in scores[_WORST:]]  # they would fill the memory
    _report(scores, list(measures), options.output)
    return DONE


def _report(scores: Sequence[Scored], measures: Sequence[str], folder: Path) -> None:
    """Print and write the scores, of which the lowest come first."""
    table = Table("", *measures)
    for label, prefix in (("result", ""), ("bicubic", "bicubic_")):
        means = [float(np.mean([one.values[prefix + name] for one in scores])) for name in measures]
        table.add_row(label, *(f"{mean:.4f}" for mean in means))
    Console().print(table)
    with replacing(folder / "scores.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["name", *measures, *(f"bicubic_{name}" for name in measures)])
        writer.writeheader()
        writer.writerows({"name": one.name, **one.values} for one in sorted(scores, key=lambda one: one.name))
    sheet = []
    for one in scores[:_WORST]:
        bicubic, sr = (f"{one.values[name]:.2f} dB" for name in ("bicubic_psnr_y", "psnr_y"))
        labels = (f"{one.name} LR", f"bicubic {bicubic}", f"SR {sr}", "HR")
        sheet.append(list(zip(labels, one.crops, strict=True)))
    write_image(folder / "worst.png", labelled_sheet(sheet, title="The lowest PSNR-Y"))
    log.info("%d pictures: %s and %s", len(scores), folder / "scores.csv", folder / "worst.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("esrgan_train.evaluate"), description="Score a model.")
    add = parser.add_argument
    add("--model", type=Path, metavar="FILE", help=".pth, .safetensors, .ckpt or .onnx")
    add("--results", type=Path, metavar="FOLDER", help="pictures that another program made")
    add("--gt", type=Path, required=True, metavar="FOLDER", help="the ground truth")
    add("--lr", type=Path, metavar="FOLDER", help="inputs; default: made by --degradation")
    add("--scale", type=number(Count), metavar="S", help="enlargement; read from a model")
    add("--degradation", default="bicubic", choices=_DEGRADATIONS)
    add("--seed", type=number(Seed), default=0, help="of the degradation; default: 0")
    add("-o", "--output", type=Path, default=Path("evaluation"), help="default: evaluation/")
    add_upscaler_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
