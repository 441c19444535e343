"""The upscaling command: ``python -m esrgan_train.upscale PHOTO... -o OUT --model FILE``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch
from torch import nn

from esrgan_train.archs.build import build_generator
from esrgan_train.archs.weights import load_weights
from esrgan_train.cli import DONE, FAILED, complain, run_command
from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.inference.upscaler import upscale_image

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Upscale every photo; one that cannot be read is named and the others go on.

    Returns the exit status: 0 done, 1 at least one photo failed.

    Raises:
        UserError: wrong options.
    """
    options = _parser().parse_args(arguments)
    device = pick_device(options.device)
    generator = build_generator(load_weights(options.model))
    generator = generator.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    status = DONE
    for source, target in plan(options.photos, options.output, options.format).items():
        try:
            upscale_file(generator, source, target, device)
        except (UserError, OSError) as error:
            complain(error)
            status = FAILED
    return status


def upscale_file(generator: nn.Module, source: Path, target: Path, device: torch.device) -> None:
    """Read ``source``, write its enlargement to ``target`` and say so.

    Raises:
        UserError: ``source`` cannot be read.
    """
    image = decode(source)
    enlarged = upscale_image(generator, image, device)
    write_image(target, enlarged)
    height, width = image.shape[:2]
    log.info("%s (%d × %d) → %s (%d × %d)", source, width, height, target, enlarged.shape[1], enlarged.shape[0])


def plan(sources: list[Path], folder: Path, suffix: str) -> dict[Path, Path]:
    """Where each photo's enlargement goes: into ``folder``, under the photo's own name.

    Raises:
        UserError: a photo is missing, two photos have one name, or an output would overwrite its input.
    """
    targets: dict[Path, Path] = {}
    for source in sources:
        if not source.is_file():
            raise UserError(f"{source} is not a file: give one photo or more")
        target = folder / f"{source.stem}.{suffix}"
        if target in targets.values():
            raise UserError(f"{source} and another photo would both become {target}: give them one by one")
        if target.resolve() == source.resolve():
            raise UserError(f"{source} would be overwritten: give another folder with -o")
        targets[source] = target
    return targets


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
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--model", required=True, type=Path, metavar="FILE", help=".pth, .safetensors or .ckpt")
    parser.add_argument("--format", default="png", choices=["png", "jpg", "webp"], help="default: png")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
