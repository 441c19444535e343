"""The evaluation command: a model, or a folder of results, against a folder of ground truth."""

from __future__ import annotations

import argparse
import csv
import logging
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image
from rich.console import Console
from rich.table import Table
from torch import Tensor

from esrgan_train.allocator import keep_freed_memory
from esrgan_train.build import build
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError, given_as
from esrgan_train.files import replacing
from esrgan_train.images.decode import decode, read_size, to_float
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.find import find_photos
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.models import load_network
from esrgan_train.inference.upscaler import Upscaler, choose_precision
from esrgan_train.metrics.image_quality import psnr, psnr_y, ssim, ssim_y
from esrgan_train.metrics.lpips import SMALLEST, Lpips, weights_file
from esrgan_train.upscale import pick_device

log = logging.getLogger(__name__)

# A further measure of (sr, hr, border) gets its column by its line here; LPIPS joins where its weights are.
Measure = Callable[[Tensor, Tensor, int], Tensor]
MEASURES: dict[str, Measure] = {"psnr": psnr, "ssim": ssim, "psnr_y": psnr_y, "ssim_y": ssim_y}
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
        if device.type == "cpu":
            keep_freed_memory()
        with given_as("--model "):
            network = load_network(options.model)
        precision = choose_precision(options.precision, device, network)
        upscaler = Upscaler(network, device=device, precision=precision, tile=None)
        if options.scale not in (None, upscaler.scale):
            raise UserError(f"--scale {options.scale} does not fit the model, which enlarges ×{upscaler.scale}")
    scale = options.scale if upscaler is None else upscaler.scale
    results = None if options.results is None else partners(truths, options.results, "--results")
    inputs = None if options.lr is None else partners(truths, options.lr, "--lr")
    degrade = build(compose_config([f"degradation={options.degradation}", f"upscale={scale}"]).degradation)

    check_sizes(truths, scale, results=results, inputs=inputs)
    measures = all_measures()

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
        bicubic = to_uint8(_bicubic(lr, scale))
        row: Row = {"name": name, **score(sr, hr, scale, measures)}
        row |= {f"bicubic_{measure}": value for measure, value in score(bicubic, hr, scale, measures).items()}
        row["pictures"] = _crops(lr, bicubic, sr, hr, scale)
        # Only the worst keep their crops, so a large folder does not fill the memory.
        rows = sorted([*rows, row], key=lambda one: float(one["psnr_y"]))
        for better in rows[WORST:]:
            better.pop("pictures", None)
    _report(rows, list(measures), options.output)
    return DONE


def all_measures() -> dict[str, Measure]:
    """The measures, and LPIPS if its weights are in torch.hub's cache; else it is said how they get there."""
    if not weights_file().exists():
        log.info("lpips is left out: %s is not there; put torchvision's AlexNet (244 MB) there", weights_file())
        return dict(MEASURES)
    metric = Lpips()

    def lpips(sr: Tensor, hr: Tensor, border: int) -> Tensor:
        inside = [image[..., border:-border, border:-border] for image in (sr, hr)]
        if min(inside[0].shape[-2:]) < SMALLEST:
            return torch.tensor(float("nan"))
        metric.update(*inside)
        return metric.compute()

    return {**MEASURES, "lpips": lpips}


def score(sr: Picture, hr: Picture, border: int, measures: Mapping[str, Measure]) -> dict[str, float]:
    """Every measure of one 8-bit pair, (H, W, 3)."""
    pair = _tensor(sr), _tensor(hr)
    return {name: float(measure(*pair, border)) for name, measure in measures.items()}


def check_sizes(
    truths: Mapping[str, Path],
    scale: int,
    *,
    results: Mapping[str, Path] | None,
    inputs: Mapping[str, Path] | None,
) -> None:
    """Compare the sizes of all partners before any work; the ground truth is cut to multiples of ``scale``.

    Raises:
        UserError: naming every pair that does not fit, one with its sizes.
    """
    wrong = []
    for name, path in truths.items():
        width, height = (side // scale * scale for side in _upright_size(path))
        partners = [(results, 1, "result"), (inputs, scale, f"LR times {scale}")]
        for folder, factor, what in partners:
            if folder is None:
                continue
            own_width, own_height = (side * factor for side in _upright_size(folder[name]))
            if (own_width, own_height) != (width, height):
                wrong.append(f"{name} ({what} is {own_width} × {own_height}, the ground truth {width} × {height})")
    if wrong:
        raise UserError(f"{len(wrong)} of the sizes do not fit: {', '.join(wrong)}; give partners that do")


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


def _report(rows: list[Row], measures: Sequence[str], folder: Path) -> None:
    columns = [*measures, *(f"bicubic_{name}" for name in measures)]
    table = Table("", *measures)
    for label, prefix in (("result", ""), ("bicubic", "bicubic_")):
        means = [float(np.mean([row[prefix + name] for row in rows])) for name in measures]
        table.add_row(label, *(f"{mean:.4f}" for mean in means))
    Console().print(table)
    with replacing(folder / "scores.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
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


def _upright_size(path: Path) -> tuple[int, int]:
    width, height = read_size(path)
    with Image.open(path) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


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
