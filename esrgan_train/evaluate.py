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
from rich.console import Console
from rich.table import Table
from torch import Tensor

from esrgan_train.build import build
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.decode import decode, read_upright_size, to_float
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.find import find_photos
from esrgan_train.images.names import distinct_names
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.bicubic import REACH, enlarge_bicubic
from esrgan_train.inference.failures import naming
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.metrics.lpips import SMALLEST, Lpips, weights_file
from esrgan_train.upscale import open_upscaler

log = logging.getLogger(__name__)

Measure = Callable[[Tensor, Tensor, int], Tensor]  # of (1, 3, H, W) uint8, twice, and the border
WORST, CROP = 4, 192  # rows of the contact sheet; side of its crops
_STRIP_ROWS = 64  # of LR, that are floats at a time

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
        upscaler = open_upscaler(options.model, device=options.device, precision=options.precision, tile=None)
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
        hr = hr[:height, :width]
        if inputs is not None:
            lr = _to_8_bit(decode(inputs[name]))
        else:
            lr = to_uint8(degrade(to_float(hr), np.random.default_rng([options.seed, zlib.crc32(name.encode())])))
        if upscaler is None:
            sr = _to_8_bit(decode(results[name]))  # type: ignore[index]
        else:
            with naming(path, "enlarging", upscaler.memory_remedy):
                sr = upscaler(lr)
        bicubic = bicubic_of(lr, scale)
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
        metric.update(*(image / 255 for image in inside))
        return metric.compute()

    return {**MEASURES, "lpips": lpips}


def score(sr: Picture, hr: Picture, border: int, measures: Mapping[str, Measure]) -> dict[str, float]:
    """Every measure of one 8-bit pair, (H, W, 3)."""
    pair = _planes(sr), _planes(hr)
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
        width, height = (side // scale * scale for side in read_upright_size(path))
        partners = [(results, 1, "result"), (inputs, scale, f"LR times {scale}")]
        for folder, factor, what in partners:
            if folder is None:
                continue
            own_width, own_height = (side * factor for side in read_upright_size(folder[name]))
            if (own_width, own_height) != (width, height):
                wrong.append(f"{name} ({what} is {own_width} × {own_height}, the ground truth {width} × {height})")
    if wrong:
        raise UserError(f"{len(wrong)} of the sizes do not fit: {', '.join(wrong)}; give partners that do")


def by_name(folder: Path, option: str) -> dict[str, Path]:
    """The photos of a folder by their relative path without suffix, which those keep that differ in it alone.

    Raises:
        UserError: there is none.
    """
    photos = list(find_photos(folder, option=option))
    relative = [path.relative_to(folder) for path in photos]
    names = distinct_names(relative)
    if kept := [name for name, path in zip(names, relative, strict=True) if name == path.as_posix()]:
        log.info("%s=%s: %s keep their suffixes, as they differ in these alone", option, folder, ", ".join(kept))
    return dict(zip(names, photos, strict=True))


def partners(truths: dict[str, Path], folder: Path, option: str) -> dict[str, Path]:
    """The photos of ``folder`` that bear the names of ``truths``, with or without suffix; each must be there.

    Raises:
        UserError: naming those without a partner.
    """
    # What upscale --keep-suffix has made of photo.jpg is called photo.jpg without its own suffix.
    kept = {f"{name}{path.suffix}": name for name, path in truths.items() if not name.endswith(path.suffix)}
    found = {kept.get(name, name): path for name, path in by_name(folder, option).items()}
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


def bicubic_of(lr: Picture, scale: int) -> Picture:
    """(h, w, 3) to (h·scale, w·scale, 3), in strips of rows."""
    height, width = lr.shape[:2]
    enlarged = np.empty((height * scale, width * scale, 3), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, height)
        above, below = max(top - REACH, 0), min(bottom + REACH, height)
        strip = enlarge_bicubic(_planes(lr[above:below]).float() / 255, scale)[0].permute(1, 2, 0).numpy()
        enlarged[top * scale : bottom * scale] = to_uint8(strip[(top - above) * scale :][: (bottom - top) * scale])
    return enlarged


def _crops(lr: Picture, bicubic: Picture, sr: Picture, hr: Picture, scale: int) -> list[Picture]:
    rows, columns = (middle(side, most=CROP, step=scale) for side in hr.shape[:2])
    nearest = lr[reduced(rows, scale), reduced(columns, scale)].repeat(scale, 0).repeat(scale, 1)
    return [nearest, *(picture[rows, columns].copy() for picture in (bicubic, sr, hr))]


def _planes(image: Picture) -> Tensor:
    """(H, W, 3) as (1, 3, H, W), of the same memory."""
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _to_8_bit(image: NDArray[Any]) -> Picture:
    return image if image.dtype == np.uint8 else to_uint8(to_float(image))


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
