"""Upscaling photos and clips: ``python -m esrgan_train.upscale INPUT... -o OUT [--model FILE]``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray
from torch import nn

from esrgan_train.arguments import add_upscaler_options, number
from esrgan_train.bounds import Count, Positive, WholeNumber
from esrgan_train.cli import DONE, FAILED, report_error, run_command
from esrgan_train.commands import program
from esrgan_train.errors import UserError
from esrgan_train.inference import models
from esrgan_train.inference.batch import Batch
from esrgan_train.inference.targets import plan
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.starters.catalogue import STARTERS, for_enlargement
from esrgan_train.video.job import Job, is_moving
from esrgan_train.video.writer import Encoding

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Upscale every photo; one that fails is reported with the reason, and the others are done."""
    options = _parser().parse_args(arguments)
    if is_moving(options.inputs, options.output):
        return _upscale_clip(options)
    _check_photo_options(options)
    targets = plan(options.inputs, options.output, options.format, keep_suffix=options.keep_suffix)
    upscaler = _opened(options, "32" if options.self_check else options.precision)
    waiting = {s: t for s, t in targets.items() if not (options.skip_existing and t.exists())}
    started = time.perf_counter()
    batch = Batch(upscaler, options.scale, self_check=options.self_check, report=report_error)
    batch.run(waiting)
    seconds, skipped = time.perf_counter() - started, len(targets) - len(waiting)
    log.info(
        "%d done, %d skipped, %d failed in %.1f s, %.2f megapixels/s",
        *(batch.done, skipped, batch.failed, seconds, batch.pixels / 1e6 / seconds),
    )
    return FAILED if batch.failed else DONE


def _opened(options: argparse.Namespace, precision: str) -> Upscaler:
    upscaler = models.open_upscaler(
        options.model or _starter(options.scale),
        device=options.device,
        precision=precision,
        tile=options.tile,
        runtime=options.runtime,
    )
    log.info("%s, precision %s, %s, ×%d", upscaler.device, upscaler.precision, upscaler.pieces, upscaler.scale)
    return upscaler


def _starter(scale: float | None) -> Path:
    """The model that ships for such an enlargement, and a line that says so."""
    starter = for_enlargement(scale)
    others = ", ".join(f"{one.name} ({one.purpose})" for one in STARTERS if one != starter)
    log.info("model %s, %s; --model takes another: a file, or %s", starter.name, starter.purpose, others)
    return starter.file


def _upscale_clip(options: argparse.Namespace) -> int:
    for option in ("keep_suffix", "skip_existing", "self_check"):
        if getattr(options, option):
            raise UserError(f"--{option.replace('_', '-')} has no effect on clips: leave it out")
    encoding = Encoding(codec=options.codec, crf=options.crf, pixel_format=options.pix_fmt)
    rate = None if options.fps is None else Fraction(options.fps).limit_denominator(1001)
    job = Job(options.inputs, options.output, encoding, rate, options.format, options.scale)
    job.batch, job.deinterlace = options.batch, options.deinterlace
    job.check()
    job.run(_opened(options, options.precision))
    return DONE


def _check_photo_options(options: argparse.Namespace) -> None:
    for option in ("codec", "crf", "pix_fmt", "fps", "batch", "deinterlace"):
        if getattr(options, option) not in (None, False):
            value = getattr(options, option)
            shown = f"--{option.replace('_', '-')}{'' if value is True else f' {value}'}"
            raise UserError(f"{shown} has no effect without a clip: give one to -o, such as out.mkv")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("esrgan_train.upscale"), description="Upscale photos and clips.")
    add, names = parser.add_argument, ", ".join(one.name for one in STARTERS)
    add("inputs", nargs="+", metavar="INPUT", help="photos, folders or quoted patterns; or one clip")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to, or a clip: out.mkv")
    add(
        "--model",
        type=Path,
        metavar="FILE",
        help=f".pth, .safetensors, .ckpt, .onnx, or {names}; default: by --scale",
    )
    add("--tile", type=number(WholeNumber), metavar="N", help="pixels a side; 0: whole; default: by free memory")
    add("--scale", type=number(Positive), metavar="S", help="final enlargement; default: the model's")
    add("--format", default="png", choices=["png", "jpg", "webp", "tiff"], help="default: png")
    add_upscaler_options(parser)
    add("--keep-suffix", action="store_true", help="let photo.jpg become photo.jpg.png")
    add("--skip-existing", action="store_true", help="leave photos whose output is there")
    clips = parser.add_argument_group("clips (docs/video.md)")
    clips.add_argument(
        "--codec", metavar="NAME", help="an encoder of FFmpeg; default: libx264, deep colour libx265"
    )
    clips.add_argument("--crf", type=number(WholeNumber), metavar="N", help="constant quality, lower is better")
    clips.add_argument("--pix-fmt", metavar="NAME", help="such as yuv420p10le; default: the clip's own")
    clips.add_argument("--fps", type=number(Positive), metavar="N", help="of numbered pictures; default: 24")
    clips.add_argument("--deinterlace", action="store_true", help="make interlaced frames whole (bwdif)")
    clips.add_argument("--batch", type=number(Count), metavar="N", help="pictures at a time; default: by device")
    add("--self-check", action="store_true", help="compare tiles with the whole, in float32")
    return parser


class _Callable(ModuleType):
    """This module, made callable: once imported, it stands for the package's function ``upscale``."""

    def __call__(self, image: NDArray[Any], generator: nn.Module, *, tile: int | None = None) -> NDArray[Any]:
        """See ``esrgan_train.inference.models.upscale``."""
        return models.upscale(image, generator, tile=tile)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    sys.exit(run_command(main))
