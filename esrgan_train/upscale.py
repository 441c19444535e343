"""The upscaling command: ``python -m esrgan_train.upscale INPUT... -o OUT --model FILE``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import nn

from esrgan_train import api
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.cli import DONE, FAILED, report_error, run_command
from esrgan_train.errors import RunError, UserError, given_as
from esrgan_train.images.photo import Photo, check_format, read_photo, write_photo
from esrgan_train.inference.failures import naming
from esrgan_train.inference.memory import give_back
from esrgan_train.inference.models import load_network
from esrgan_train.inference.photos import compare, enlarge, final_size, resize
from esrgan_train.inference.targets import plan
from esrgan_train.inference.upscaler import Upscaler, choose_precision
from esrgan_train.modelfiles.finite import check_weights

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def main(arguments: list[str] | None = None) -> int:
    """Upscale every photo; one that cannot be done is named, with the reason, and the others go on.

    Returns the exit status: 0 done, 1 at least one photo failed.

    Raises:
        UserError: wrong options.
    """
    options = _parser().parse_args(arguments)
    if options.tile is not None and options.tile < 0:
        raise UserError(f"--tile {options.tile} is not possible: give a number of pixels, or 0 for no tiles")
    if options.scale is not None and not 0 < options.scale < float("inf"):
        raise UserError(f"--scale {options.scale} is not possible: give a number above 0")
    targets = plan(options.inputs, options.output, options.format, keep_suffix=options.keep_suffix)
    precision = "32" if options.self_check else options.precision
    upscaler = open_upscaler(options.model, device=options.device, precision=precision, tile=options.tile)
    waiting = {s: t for s, t in targets.items() if not (options.skip_existing and t.exists())}
    log.info("%s, precision %s, %s, ×%d", upscaler.device, upscaler.precision, upscaler.pieces, upscaler.scale)
    return _run(
        upscaler, waiting, options.scale, self_check=options.self_check, skipped=len(targets) - len(waiting)
    )


def open_upscaler(model: Path, *, device: str, precision: str, tile: int | None) -> Upscaler:
    """Read a model and make it ready, as the options of the same names say.

    Raises:
        UserError: the model cannot be used, or an option does not fit it.
        RunError: it is too large for the memory.
    """
    where = pick_device(device)
    if where.type == "cpu":
        keep_freed_memory()
    with given_as("--model "):
        network = load_network(model)
    check_weights(network, str(model))
    chosen = choose_precision(precision, where, network)
    with naming(model, "making the model ready", "free some memory, or give --device cpu"):
        return Upscaler(network, device=where, precision=chosen, tile=tile)


def _run(
    upscaler: Upscaler, targets: dict[Path, Path], scale: float | None, *, self_check: bool, skipped: int
) -> int:
    started, tally = time.perf_counter(), _Tally()
    # The next photo is read and the last one written while this one is computed; no more wait in memory.
    with (
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("upscaling", total=len(targets))
        writing: Future[int] | None = None
        for (source, target), reading in zip(targets.items(), _read_ahead(reader, list(targets)), strict=True):
            enlarged = tally.attempt(_enlarged, upscaler, reading, source, target, scale, self_check)
            tally.count(writing)
            writing = None if enlarged is None else writer.submit(_write, target, enlarged)
            progress.advance(bar)
        tally.count(writing)
    seconds = time.perf_counter() - started
    log.info(
        "%d done, %d skipped, %d failed in %.1f s, %.2f megapixels/s",
        tally.done, skipped, tally.failed, seconds, tally.pixels / 1e6 / seconds,
    )  # fmt: skip
    return FAILED if tally.failed else DONE


class _Tally:
    """What has become of the photos so far."""

    def __init__(self) -> None:
        self.done, self.failed, self.pixels = 0, 0, 0

    def attempt(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What ``work`` returns; None if it failed, which is told and counted."""
        try:
            return work(*args, **kwargs)
        except (UserError, RunError) as error:
            report_error(error)
            self.failed += 1
        give_back()  # what this photo took, the next ones may need
        return None

    def count(self, writing: Future[int] | None) -> None:
        """Wait until a photo is written, and count it."""
        if writing is None or (pixels := self.attempt(writing.result)) is None:
            return
        self.done += 1
        self.pixels += pixels


def _read_ahead(reader: ThreadPoolExecutor, sources: list[Path]) -> Iterator[Future[Photo]]:
    """Each photo in its turn, the next one on its way."""
    following: Future[Photo] | None = None
    for source, after in zip(sources, [*sources[1:], None], strict=True):
        reading = following or reader.submit(_read, source)
        following = None if after is None else reader.submit(_read, after)
        yield reading


def _enlarged(
    upscaler: Upscaler, reading: Future[Photo], source: Path, target: Path, scale: float | None, self_check: bool
) -> Photo:
    photo = reading.result()
    if photo.several:
        log.warning("%s holds several pictures: only the first is enlarged", source)
    height, width = photo.rgb.shape[:2]
    check_format(target, photo, final_size(width, height, scale or upscaler.scale))
    with naming(source, "enlarging", upscaler.memory_remedy):
        if self_check:
            log.info("%s: %s", source, compare(upscaler, photo))
        enlarged = enlarge(upscaler, photo)
    if scale is None or scale == upscaler.scale:
        return enlarged
    with naming(source, f"resizing to --scale {scale:g}", "give a smaller --scale"):
        return resize(enlarged, final_size(width, height, scale))


def _read(path: Path) -> Photo:
    with naming(path, "reading", "give a smaller photo, or free some memory"):
        return read_photo(path)


def _write(target: Path, photo: Photo) -> int:
    with naming(target, "writing", "give a smaller photo or --scale, or free some memory"):
        write_photo(target, photo)
    return int(photo.rgb.shape[0] * photo.rgb.shape[1])


def pick_device(name: str) -> torch.device:
    """``auto`` takes the GPU if there is one.

    Raises:
        UserError: the device is unknown or not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--device {name} cannot be used: {reason}; give cpu or auto") from error
    return device


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m esrgan_train.upscale", description="Upscale photos.")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="photos, folders or quoted patterns")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument(
        "--model", required=True, type=Path, metavar="FILE", help=".pth, .safetensors, .ckpt or .onnx"
    )
    parser.add_argument("--tile", type=int, metavar="N", help="pixels a side; 0: whole; default: by free memory")
    parser.add_argument("--scale", type=float, metavar="S", help="final enlargement; default: the model's")
    parser.add_argument("--format", default="png", choices=["png", "jpg", "webp", "tiff"], help="default: png")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", choices=["auto", "32", "bf16"], help="default: auto")
    parser.add_argument("--keep-suffix", action="store_true", help="let photo.jpg become photo.jpg.png")
    parser.add_argument("--skip-existing", action="store_true", help="leave photos whose output is there")
    parser.add_argument("--self-check", action="store_true", help="compare tiles with the whole, in float32")
    return parser


class _Callable(ModuleType):
    """This module, which can be called.

    The package offers a function of the same name, and as soon as anyone imports this module, Python makes it
    the package's attribute ``upscale``: so the module itself is that function.
    """

    def __call__(self, image: NDArray[Any], generator: nn.Module, *, tile: int | None = None) -> NDArray[Any]:
        """See ``esrgan_train.api.upscale``."""
        return api.upscale(image, generator, tile=tile)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    sys.exit(run_command(main))
