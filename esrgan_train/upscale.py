"""The upscaling command: ``python -m esrgan_train.upscale INPUT... -o OUT --model FILE``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from numpy.typing import NDArray
from torch import nn

from esrgan_train.arguments import add_upscaler_options, number
from esrgan_train.bounds import Positive, WholeNumber
from esrgan_train.cli import DONE, FAILED, report_error, run_command
from esrgan_train.inference import models
from esrgan_train.inference.batch import Batch
from esrgan_train.inference.targets import plan

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Upscale every photo; one that fails is reported with the reason, and the others are done."""
    options = _parser().parse_args(arguments)
    targets = plan(options.inputs, options.output, options.format, keep_suffix=options.keep_suffix)
    precision = "32" if options.self_check else options.precision
    upscaler = models.open_upscaler(options.model, device=options.device, precision=precision, tile=options.tile)
    waiting = {s: t for s, t in targets.items() if not (options.skip_existing and t.exists())}
    log.info("%s, precision %s, %s, ×%d", upscaler.device, upscaler.precision, upscaler.pieces, upscaler.scale)
    started = time.perf_counter()
    batch = Batch(upscaler, options.scale, self_check=options.self_check, report=report_error)
    batch.run(waiting)
    seconds, skipped = time.perf_counter() - started, len(targets) - len(waiting)
    log.info(
        "%d done, %d skipped, %d failed in %.1f s, %.2f megapixels/s",
        *(batch.done, skipped, batch.failed, seconds, batch.pixels / 1e6 / seconds),
    )
    return FAILED if batch.failed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m esrgan_train.upscale", description="Upscale photos.")
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="photos, folders or quoted patterns")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    add("--model", required=True, type=Path, metavar="FILE", help=".pth, .safetensors, .ckpt or .onnx")
    add("--tile", type=number(WholeNumber), metavar="N", help="pixels a side; 0: whole; default: by free memory")
    add("--scale", type=number(Positive), metavar="S", help="final enlargement; default: the model's")
    add("--format", default="png", choices=["png", "jpg", "webp", "tiff"], help="default: png")
    add_upscaler_options(parser)
    add("--keep-suffix", action="store_true", help="let photo.jpg become photo.jpg.png")
    add("--skip-existing", action="store_true", help="leave photos whose output is there")
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
