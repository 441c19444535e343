"""Packs photos for training to read without decoding: ``python -m esrgan_train.prepare SRC... -o DST``.

``--set NAME`` fetches photographs instead.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import rich
from annotated_types import Ge
from rich.table import Table

from esrgan_train import libraries, signals  # noqa: F401 — libraries before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import Count, Fraction
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import command, program
from esrgan_train.config import compose_config
from esrgan_train.cores import usable_cores
from esrgan_train.data.options import Scale
from esrgan_train.images.decode import Picture, decode
from esrgan_train.images.encode import write_image
from esrgan_train.photosets.bring import bring
from esrgan_train.photosets.catalogue import set_names
from esrgan_train.prepare.inputs import pairs_in, photos_in, refuse_output_in_input
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import MANIFEST, SUMMARY, Packed, pack
from esrgan_train.prepare.summary import summary
from esrgan_train.prepare.target import target_at
from esrgan_train.remote.url import Location, location
from esrgan_train.screening.verdict import Thresholds

log = logging.getLogger(__name__)

_NAMED = 10  # unreadable photos that are named
KINDS = ("blurred", "compressed", "flat", "duplicate")


def main(arguments: list[str] | None = None) -> int:
    """Pack, report, draw the summary; the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.set is not None:
        return _bring(parser, given)
    if not given.sources or given.output is None:
        parser.error("give SRC and -o DST, or --set NAME")
    with signals.raised(f"{given.output} is unfinished: the same command goes on"):
        source = photos_in(given.sources) if given.lr is None else pairs_in(given.sources, given.lr)
        if isinstance(given.output, Path):
            refuse_output_in_input(given.output, [*given.sources, *([given.lr] if given.lr else [])])
        options, target = _options(given, getattr(source, "upscale", None)), target_at(given.output)
        packed = pack(source, target, options, workers=given.workers or usable_cores())
        if not target.holds(SUMMARY):
            places = {source.name(index): source.place(index) for index in range(len(source))}

            def load(name: str) -> Picture:
                return decode(places[name])

            with target.writing(SUMMARY) as partial:
                write_image(partial, summary(packed.rows, load, title=str(target)))
    _report(packed, given.output, upscale=options.upscale)
    return DONE


def _bring(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    plain = parser.parse_args(["--set", given.set])
    if others := [
        name for name, value in vars(given).items() if name != "output" and value != getattr(plain, name)
    ]:
        parser.error(f"--set goes with -o alone, not with {', '.join(others)}")
    if not isinstance(given.output, Path | None):
        parser.error(f"-o {given.output}: --set brings photographs to a folder; pack that folder to the address")
    with signals.raised(f"set {given.set} is unfinished: the same command goes on"):
        bring(given.set, given.output)
    return DONE


def _options(given: argparse.Namespace, upscale: int | None) -> Options:
    least = given.min_detail
    if least is None:
        least = 0.0 if given.tile is None else Thresholds().detail
    return Options(
        scales=tuple(given.scales or compose_config(["data=folder", "data.train_dir=."]).data.scales),
        upscale=upscale,
        max_side=given.max_side,
        tile=given.tile,
        stride=given.stride,
        min_detail=least,
        drop=KINDS if given.drop == [] else tuple(sorted(given.drop or ())),
    )


def _report(packed: Packed, folder: Location, *, upscale: int | None) -> None:
    table = Table("photos", "reported as")
    for status, count in Counter(row.status for row in packed.rows).most_common():
        reasons = Counter(kind for row in packed.rows if row.status == status for kind in _kinds(row.reason))
        named = ", ".join(f"{kind} {times:,}" for kind, times in reasons.most_common())
        table.add_row(f"{count:,} {status}", "" if status == "unreadable" else named)
    rich.print(table)
    unreadable = [row.reason for row in packed.rows if row.status == "unreadable"]
    for reason in unreadable[:_NAMED]:
        log.warning("%s", reason)
    if len(unreadable) > _NAMED:
        log.warning("%d more cannot be read: see %s", len(unreadable) - _NAMED, folder / MANIFEST)
    log.info(
        "packed        %s of %s MB",
        f"{packed.entries:,} {'entry' if packed.entries == 1 else 'entries'}",
        f"{packed.bytes / 1e6:,.0f}",
    )
    log.info("scores        %s and %s", folder / MANIFEST, folder / SUMMARY)
    data = ["data=folder"] if upscale is None else ["data=paired", f"upscale={upscale}"]
    log.info("train with    %s", command("esrgan_train", *data, f"data.train_dir={folder}"))


def _kinds(reason: str) -> list[str]:
    return [part.partition(":")[0].partition(" ")[0] for part in reason.split("; ") if part]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.prepare"),
        description="Pack photos into a set that training reads without decoding; data.train_dir takes it like a "
        "folder, and the samples are the same. Near-duplicates, blurred, compressed and flat photos are reported. "
        "With --set, fetch a set of photographs. A command that was ended goes on when it is given again.",
    )
    add = parser.add_argument
    add("sources", type=Path, nargs="*", metavar="SRC", help="folders of photos, or files")
    help = "the folder of the set, or its address, such as s3://bucket/set"
    add("-o", "--output", type=location, metavar="DST", help=help)
    help = f"fetch photographs instead, into -o (default: data/NAME): {', '.join(set_names())}, or a YAML file"
    add("--set", metavar="NAME", help=help)
    add("--lr", type=Path, metavar="DIR", help="LR photos of the same names: packs pairs")
    pixels = number(Annotated[int, Ge(64)])
    add("--max-side", type=pixels, metavar="N", help="reduce larger photos to N pixels a side")
    add("--tile", type=pixels, metavar="N", help="cut photos into squares of N pixels")
    add("--stride", type=number(Count), metavar="N", help="pixels from one tile to the next (default: the tile)")
    help = "leave out entries of which a smaller share has detail (default: 0, with --tile {:g})"
    add("--min-detail", type=number(Fraction), metavar="X", help=help.format(Thresholds().detail))
    help = "hold photos at these scales (default: those of data=folder)"
    add("--scales", type=number(Scale), nargs="+", metavar="S", help=help)
    help = f"leave out photos that are reported as {', '.join(KINDS)}; without a kind: all"
    add("--drop", nargs="*", choices=KINDS, metavar="KIND", help=help)
    add("--workers", type=number(Count), metavar="N", help="processes (default: one for each core)")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
