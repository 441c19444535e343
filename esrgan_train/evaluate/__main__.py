"""The evaluation command: ``python -m esrgan_train.evaluate --gt PLACE (--model FILE | --results PLACE)``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import add_upscaler_options, number
from esrgan_train.bounds import Count, Seed
from esrgan_train.building import build
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.evaluate.clips import ClipScoring, are_clips
from esrgan_train.evaluate.pairs import check_sizes, find_pairs
from esrgan_train.evaluate.scores import Degrade, all_measures, score
from esrgan_train.evaluate.tally import Tally
from esrgan_train.inference.models import open_upscaler
from esrgan_train.inference.upscaler import Upscaler

_DEGRADATIONS = ("bicubic", "realesrgan", "light", "frames", "video", "anime", "scan", "web")


def main(arguments: list[str] | None = None) -> int:
    """Score every pair, print the means, and write ``scores.csv`` and ``worst.png``."""
    options = _parser().parse_args(arguments)
    if (options.model is None) == (options.results is None):
        raise UserError("give either --model FILE or --results PLACE")
    if options.results is not None and options.scale is None:
        raise UserError("--results needs --scale: it says how wide the border is that is not counted")
    _score_clips(options) if are_clips(options.gt, options.results, options.lr) else _score_photos(options)
    return DONE


def _score_clips(options: argparse.Namespace) -> None:
    if options.degradation is not None and (options.results is not None or options.lr is not None):
        raise UserError(f"--degradation {options.degradation} has no effect on these clips: leave it out")
    upscaler, scale = _upscaler(options)
    needed = upscaler is not None and options.lr is None
    ClipScoring(
        truth=options.gt,
        results=options.results,
        inputs=options.lr,
        scale=scale,
        upscaler=upscaler,
        degrade=_degradation(options, scale) if needed else None,
        seed=options.seed,
        measures=all_measures(options.niqe),
    ).run(options.output)


def _score_photos(options: argparse.Namespace) -> None:
    pairs = find_pairs(options.gt, results=options.results, inputs=options.lr)
    upscaler, scale = _upscaler(options)
    degrade = _degradation(options, scale)
    check_sizes(pairs, scale)
    measures = all_measures(options.niqe)
    with Tally([*measures], ("name",), baseline=True) as tally:
        for pair in sorted(pairs, key=lambda pair: pair.name):
            tally.add(
                score(pair, scale=scale, upscaler=upscaler, degrade=degrade, seed=options.seed, measures=measures)
            )
        tally.report(options.output, "pictures")


def _upscaler(options: argparse.Namespace) -> tuple[Upscaler | None, int]:
    """The model ready to enlarge, if there is one, and the scale."""
    if options.model is None:
        return None, options.scale
    device, precision, runtime = options.device, options.precision, options.runtime
    upscaler = open_upscaler(options.model, device=device, precision=precision, tile=None, runtime=runtime)
    if options.scale not in (None, upscaler.scale):
        raise UserError(f"--scale {options.scale} does not fit the model, which enlarges ×{upscaler.scale}")
    return upscaler, upscaler.scale


def _degradation(options: argparse.Namespace, scale: int) -> Degrade:
    chosen = options.degradation or _DEGRADATIONS[0]
    made: Degrade = build(compose_config([f"degradation={chosen}", f"upscale={scale}"]).degradation)
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("esrgan_train.evaluate"), description="Score a model.")
    add = parser.add_argument
    add("--model", type=Path, metavar="FILE", help=".pth, .safetensors, .ckpt or .onnx")
    add("--results", type=Path, metavar="PLACE", help="pictures that another program made: a folder, or a clip")
    add("--gt", type=Path, required=True, metavar="PLACE", help="the ground truth: a folder, or a clip")
    add("--lr", type=Path, metavar="PLACE", help="inputs: a folder, or a clip; default: made by --degradation")
    add("--scale", type=number(Count), metavar="S", help="enlargement; read from a model")
    add("--degradation", choices=_DEGRADATIONS, help=f"default: {_DEGRADATIONS[0]}")
    add("--niqe", metavar="FILE", help="measures NIQE too, by these parameters; auto: those of BasicSR")
    add("--seed", type=number(Seed), default=0, help="of the degradation; default: 0")
    add("-o", "--output", type=Path, default=Path("evaluation"), help="default: evaluation/")
    add_upscaler_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
