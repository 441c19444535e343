"""The upscaling command: ``python -m esrgan_train.upscale INPUT... -o OUT --model FILE``."""

from __future__ import annotations

import argparse
import glob
import logging
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from esrgan_train.allocator import keep_freed_memory
from esrgan_train.cli import DONE, FAILED, complain, run_command
from esrgan_train.errors import UserError, given_as
from esrgan_train.images.find import find_photos
from esrgan_train.images.photo import Photo, fill_hidden, read_photo, resize_levels, write_photo
from esrgan_train.inference.models import load_network
from esrgan_train.inference.upscaler import Upscaler, choose_precision

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Upscale every photo; one that cannot be read or written is named and the others go on.

    Returns the exit status: 0 done, 1 at least one photo failed.

    Raises:
        UserError: wrong options.
    """
    options = _parser().parse_args(arguments)
    if options.tile is not None and options.tile < 0:
        raise UserError(f"--tile {options.tile} is not possible: give a number of pixels, or 0 for no tiles")
    if options.scale is not None and not 0 < options.scale < float("inf"):
        raise UserError(f"--scale {options.scale} is not possible: give a number above 0")
    targets = plan(options.inputs, options.output, options.format)
    device = pick_device(options.device)
    if device.type == "cpu":
        keep_freed_memory()
    with given_as("--model "):
        network = load_network(options.model)
    precision = choose_precision("32" if options.self_check else options.precision, device, network)
    upscaler = Upscaler(network, device=device, precision=precision, tile=options.tile)
    waiting = {s: t for s, t in targets.items() if not (options.skip_existing and t.exists())}
    log.info("%s, precision %s, tiles of %d, ×%d", device, precision, upscaler.tile, upscaler.scale)
    return _run(
        upscaler, waiting, options.scale, self_check=options.self_check, skipped=len(targets) - len(waiting)
    )


def _run(
    upscaler: Upscaler, targets: dict[Path, Path], scale: float | None, *, self_check: bool, skipped: int
) -> int:
    started, done, failed, pixels = time.perf_counter(), 0, 0, 0

    def finish(writing: Future[int] | None) -> None:
        """Wait until a photo is written, and count it."""
        nonlocal done, failed, pixels
        if writing is None:
            return
        try:
            pixels += writing.result()
            done += 1
        except (UserError, OSError) as error:
            complain(error)
            failed += 1

    # The next photo is read and the last one written while this one is computed; no more wait in memory.
    with (
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        bar = progress.add_task("upscaling", total=len(targets))
        pairs = list(targets.items())
        reading = reader.submit(read_photo, pairs[0][0]) if pairs else None
        writing: Future[int] | None = None
        for index, (source, target) in enumerate(pairs):
            assert reading is not None
            current = reading
            if index + 1 < len(pairs):
                reading = reader.submit(read_photo, pairs[index + 1][0])
            try:
                photo = current.result()
                if photo.pictures > 1:
                    log.warning("%s holds %d pictures: only the first is enlarged", source, photo.pictures)
                if self_check:
                    log.info("%s: %s", source, compare(upscaler, photo))
                enlarged = enlarge(upscaler, photo, scale)
                finish(writing)
                writing = writer.submit(_write, target, enlarged)
            except (UserError, OSError) as error:
                complain(error)
                failed += 1
            progress.advance(bar)
        finish(writing)
    seconds = time.perf_counter() - started
    log.info(
        "%d done, %d skipped, %d failed in %.1f s, %.2f megapixels/s",
        done, skipped, failed, seconds, pixels / 1e6 / seconds,
    )  # fmt: skip
    return FAILED if failed else DONE


def enlarge(upscaler: Upscaler, photo: Photo, scale: float | None = None) -> Photo:
    """Upscale colours and, as a gray picture, transparency; then Lanczos to ``scale`` if that is another."""
    rgb, alpha = photo.rgb, None
    if photo.alpha is not None:
        rgb = fill_hidden(rgb, photo.alpha)
        if (photo.alpha == photo.alpha.flat[0]).all():  # a network would tint a plain one
            alpha = photo.alpha.repeat(upscaler.scale, 0).repeat(upscaler.scale, 1)
        else:
            alpha = upscaler(np.repeat(photo.alpha[:, :, None], 3, axis=2))[:, :, 1]
    rgb = upscaler(rgb)
    if scale is not None and scale != upscaler.scale:
        height, width = photo.rgb.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = resize_levels(rgb, size)
        alpha = None if alpha is None else resize_levels(alpha[:, :, None], size)[:, :, 0]
    return Photo(rgb, alpha, photo.gray, photo.profile, pictures=1)


def compare(upscaler: Upscaler, photo: Photo) -> str:
    """How far the tiled result is from that of the whole picture, in words."""
    difference = np.abs(upscaler(photo.rgb).astype(np.int64) - upscaler(photo.rgb, tile=0))
    return (
        f"tiles of {upscaler.tile} against the whole: {np.count_nonzero(difference)} of {difference.size} "
        f"values differ, at most by {difference.max()} of {np.iinfo(photo.rgb.dtype).max} levels"
    )


def plan(inputs: list[str], folder: Path, suffix: str) -> dict[Path, Path]:
    """Where each photo's enlargement goes: into ``folder``, under its own name; folders keep their structure.

    Raises:
        UserError: an input is missing, two would become one file, or an output would overwrite its input.
    """
    targets: dict[Path, Path] = {}
    owners: dict[Path, Path] = {}
    for source, relative in (pair for given in inputs for pair in _expand(given)):
        target = folder / relative.with_name(f"{relative.stem}.{suffix}")
        if source in targets:
            continue
        # File systems of other machines, and some of this one's, do not tell A from a.
        folded = Path(str(target).casefold())
        if folded in owners:
            where = "" if targets[owners[folded]] == target else " where capitals do not count"
            raise UserError(
                f"{source} and {owners[folded]} would both become {target}{where}: give them one by one"
            )
        if target.resolve() == source.resolve():
            raise UserError(f"{source} would be overwritten: give another folder with -o")
        targets[source], owners[folded] = target, source
    return targets


def _expand(given: str) -> list[tuple[Path, Path]]:
    path = Path(given)
    if path.is_dir():
        return [(photo, photo.relative_to(path)) for photo in find_photos(path, option="INPUT")]
    if path.is_file():
        return [(path, Path(path.name))]
    found = [Path(name) for name in sorted(glob.glob(given, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not found:
        raise UserError(f"{given} is no file, folder or pattern that matches one: give a photo or more")
    return [(photo, Path(photo.name)) for photo in found]


def _write(target: Path, photo: Photo) -> int:
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
    parser.add_argument("--skip-existing", action="store_true", help="leave photos whose output is there")
    parser.add_argument("--self-check", action="store_true", help="compare tiles with the whole, in float32")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
