"""The evaluation command: a model, or a folder of results, against a folder of ground truth."""

from __future__ import annotations

import argparse
import csv
import logging
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor

from esrgan_train.build import build
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.decode import decode, to_float
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.find import find_photos
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.models import load_network
from esrgan_train.inference.upscaler import Upscaler, choose_precision
from esrgan_train.metrics.image_quality import psnr, psnr_y, ssim, ssim_y
from esrgan_train.upscale import pick_device

log = logging.getLogger(__name__)

# A further measure of (sr, hr, border) gets its column by its line here.
MEASURES = {"psnr": psnr, "ssim": ssim, "psnr_y": psnr_y, "ssim_y": ssim_y}
WORST, CROP = 4, 192  # rows of the contact sheet; side of its crops

Picture = NDArray[np.uint8]
Row = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Score every pair, print the means, write ``scores.csv`` and ``worst.png``; the exit status.

    Raises:
        UserError: wrong options, a missing partner, or sizes that do not fit.
    """
    options = _parser().parse_args(arguments)
    if (options.model is None) == (options.results is None):
        raise UserError("give either --model FILE or --results FOLDER")
    if options.results is not None and options.scale is None:
        raise UserError("--results needs --scale: it says how wide the border is that is not counted")
    truths = by_name(options.gt, "--gt")
    upscaler = None
    if options.model is not None:
        device = pick_device(options.device)
        network = load_network(options.model)
        precision = choose_precision(options.precision, device, network)
        upscaler = Upscaler(network, device=device, precision=precision, tile=None)
        if options.scale not in (None, upscaler.scale):
            raise UserError(f"--scale {options.scale} does not fit the model, which enlarges ×{upscaler.scale}")
    scale = options.scale if upscaler is None else upscaler.scale
    results = None if options.results is None else partners(truths, options.results, "--results")
    inputs = None if options.lr is None else partners(truths, options.lr, "--lr")
    degrade = build(compose_config([f"degradation={options.degradation}", f"upscale={scale}"]).degradation)

    rows: list[Row] = []
    for name, path in truths.items():
        hr = _to_8_bit(decode(path))
        height, width = (side // scale * scale for side in hr.shape[:2])
        hr = np.ascontiguousarray(hr[:height, :width])
        if inputs is not None:
            lr = _to_8_bit(decode(inputs[name]))
        else:
            lr = to_uint8(degrade(to_float(hr), np.random.default_rng([options.seed, zlib.crc32(name.encode())])))
        sr = upscaler(lr) if upscaler is not None else _to_8_bit(decode(results[name]))  # type: ignore[index]
        enlarged = (lr.shape[0] * scale, lr.shape[1] * scale)
        if enlarged != hr.shape[:2] or sr.shape != hr.shape:
            raise UserError(
                f"{name}: the result is {_size(sr)} and ×{scale} of the LR {enlarged[1]} × {enlarged[0]}, but "
                f"the ground truth is {_size(hr)}; give partners of fitting sizes"
            )
        bicubic = to_uint8(_bicubic(lr, scale))
        row: Row = {"name": name, **score(sr, hr, scale)}
        row |= {f"bicubic_{measure}": value for measure, value in score(bicubic, hr, scale).items()}
        row["pictures"] = _crops(lr, bicubic, sr, hr, scale)
        # Only the worst keep their crops, so a large folder does not fill the memory.
        rows = sorted([*rows, row], key=lambda one: float(one["psnr_y"]))
        for better in rows[WORST:]:
            better.pop("pictures", None)
    _report(rows, options.output)
    return DONE


def score(sr: Picture, hr: Picture, border: int) -> dict[str, float]:
    """Every measure of one 8-bit pair, (H, W, 3)."""
    pair = _tensor(sr), _tensor(hr)
    return {name: float(measure(*pair, border)) for name, measure in MEASURES.items()}


def by_name(folder: Path, option: str) -> dict[str, Path]:
    """The photos of a folder by their relative path without suffix.

    Raises:
        UserError: two photos differ only in their suffix, or there is none.
    """
    found: dict[str, Path] = {}
    for path in find_photos(folder, option=option):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{option}={folder}: {found[name]} and {path} have one name; rename one")
        found[name] = path
    return found


def partners(truths: dict[str, Path], folder: Path, option: str) -> dict[str, Path]:
    """The photos of ``folder`` that bear the names of ``truths``, each of which must be there.

    Raises:
        UserError: naming those without a partner.
    """
    found = by_name(folder, option)
    if missing := sorted(truths.keys() ^ found.keys()):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise UserError(f"{option}={folder} and --gt do not pair: {', '.join(missing[:3])}{more} stand alone")
    return found


def _report(rows: list[Row], folder: Path) -> None:
    columns = [*MEASURES, *(f"bicubic_{name}" for name in MEASURES)]
    table = Table("", *MEASURES)
    for label, prefix in (("result", ""), ("bicubic", "bicubic_")):
        means = [float(np.mean([row[prefix + name] for row in rows])) for name in MEASURES]
        table.add_row(label, *(f"{mean:.4f}" for mean in means))
    Console().print(table)
    with replacing(folder / "scores.csv") as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", *columns], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: str(row["name"])))
    sheet = []
    for row in rows[:WORST]:
        lr, bicubic, sr, hr = row["pictures"]
        sheet.append([
            (f"{row['name']} LR", lr), (f"bicubic {row['bicubic_psnr_y']:.2f} dB", bicubic),
            (f"SR {row['psnr_y']:.2f} dB", sr), ("HR", hr),
        ])  # fmt: skip
    write_image(folder / "worst.png", labelled_sheet(sheet, title="The lowest PSNR-Y"))
    log.info("%d pictures: %s and %s", len(rows), folder / "scores.csv", folder / "worst.png")


def _crops(lr: Picture, bicubic: Picture, sr: Picture, hr: Picture, scale: int) -> list[Picture]:
    nearest = lr.repeat(scale, 0).repeat(scale, 1)
    top, left = (max(0, (side - CROP) // 2) for side in hr.shape[:2])
    return [picture[top : top + CROP, left : left + CROP].copy() for picture in (nearest, bicubic, sr, hr)]


def _bicubic(lr: Picture, scale: int) -> NDArray[np.float32]:
    enlarged = torch.nn.functional.interpolate(_tensor(lr), scale_factor=float(scale), mode="bicubic")
    return enlarged[0].permute(1, 2, 0).numpy()


def _tensor(image: Picture) -> Tensor:
    return torch.from_numpy(to_float(image)).permute(2, 0, 1)[None]


def _to_8_bit(image: NDArray[Any]) -> Picture:
    return image if image.dtype == np.uint8 else to_uint8(to_float(image))


def _size(image: Picture) -> str:
    return f"{image.shape[1]} × {image.shape[0]}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m esrgan_train.evaluate", description="Score a model.")
    parser.add_argument("--model", type=Path, metavar="FILE", help=".pth, .safetensors, .ckpt or .onnx")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="pictures that another program made")
    parser.add_argument("--gt", type=Path, required=True, metavar="FOLDER", help="the ground truth")
    parser.add_argument("--lr", type=Path, metavar="FOLDER", help="inputs; default: made by --degradation")
    parser.add_argument("--scale", type=int, metavar="S", help="enlargement; read from a model")
    parser.add_argument("--degradation", default="bicubic", choices=["bicubic", "realesrgan", "light"])
    parser.add_argument("--seed", type=int, default=0, help="of the degradation; default: 0")
    parser.add_argument("-o", "--output", type=Path, default=Path("evaluation"), help="default: evaluation/")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", choices=["auto", "32", "bf16"], help="default: auto")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
