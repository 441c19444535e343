"""``python -m benchmarks.proof``: what the models can do, as tables and pictures of docs/results.md."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.page import Section
from benchmarks.proof import record
from benchmarks.proof.carried import missing
from benchmarks.proof.course import Course
from benchmarks.proof.crops import Sheets, shown, write_sheet
from benchmarks.proof.equal_time import race
from benchmarks.proof.heldout import enlargements, measured, record_of
from benchmarks.proof.measures import all_measures
from benchmarks.proof.methods import Method, interpolations, models_in, published
from benchmarks.proof.minutes import draw_minutes, equal_time_section
from benchmarks.proof.photographs import read_photographs
from benchmarks.proof.tables import heldout_section
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.arguments import number
from esrgan_train.bounds import Count, Positive
from esrgan_train.cli import DONE, run_command

log = logging.getLogger(__name__)

MODELS = Path("esrgan_train/starters")
PIXEL = Path("benchmarks/proof/pixel")
PHOTOS = Path("data/debian/held_out")
RECORDS, PICTURES, PAGE = Path("benchmarks/results"), Path("docs/images"), Path("docs/results.md")
MEASUREMENTS = {"heldout": heldout_section, "equal-time": equal_time_section}  # what each has for the page
SCALES = (2, 4)
DEGRADATIONS = ("bicubic", "light", "realesrgan")
HIDDEN = ("lanczos", "realesr-animevideov3-x4", "realesrgan-x4plus-anime")  # they would make the sheets too wide
TRAINED_ON = Path("data/debian/train")
QUICK_SIDE = 216  # pixels a side of the crop: enough for NIQE


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the record, the pictures and the page; the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(given)
    keep_freed_memory()
    options.command = shlex.join(["python", "-m", "benchmarks.proof", *_without_output(given)])
    options.run(options)
    return DONE


def heldout(options: argparse.Namespace) -> None:
    """Photographs that nothing was trained on, through every model."""
    side, most, draws = (QUICK_SIDE, 1, 1) if options.quick else (options.side, None, options.draws)
    photographs = read_photographs(options.photos, most=most, side=side)
    methods, absent = chosen_methods(options.models, pixel_stages(options), large=not options.quick)
    measures, unmeasured = all_measures()
    for line in (left_out := [*absent, *unmeasured]):
        log.warning("%s", line)
    sheets = Sheets(shown(photographs), hidden=HIDDEN)

    def rows() -> Iterator[dict[str, Any]]:
        for one in enlargements(photographs, methods, degradations=options.degradations, draws=draws):
            if one.draw == 0 and one.method.name == "bicubic":
                log.info("×%d %s, %s", one.method.scale, one.photograph.name, one.degradation)
            sheets.add(one)
            yield measured(one, measures)

    found = record_of(rows(), command=options.command, photographs=photographs, methods=methods, left_out=left_out)
    records, pictures, page = places_of(options)
    record.write(record_in(records, "heldout"), found)
    for scale, sheet in sheets.drawn().items():
        write_sheet(pictures / f"heldout_x{scale}.jpg", sheet)
    section(page, "heldout").write(heldout_section(found))
    log.info("written: %s, %s, and crops in %s", record_in(records, "heldout"), page, pictures)


def equal_time(options: argparse.Namespace) -> None:
    """This project's trainer beside the published one, for as long."""
    course = Course(
        seconds=60 * options.minutes, every=options.every, photos=options.photos, held_out=options.held_out
    )
    if options.quick:
        course = course.quick()
    found = race(course, command=options.command)
    records, pictures, page = places_of(options)
    record.write(record_in(records, "equal-time"), found)
    draw_minutes(found, pictures / "equal_time.png")
    section(page, "equal-time").write(equal_time_section(found))
    log.info("written: %s, %s and %s", record_in(records, "equal-time"), page, pictures / "equal_time.png")


def rewrite(_: argparse.Namespace) -> None:
    """The page again, from the records as they are."""
    for name, text in MEASUREMENTS.items():
        if (file := record_in(RECORDS, name)).is_file():
            section(PAGE, name).write(text(record.read(file)))


def section(page: Path, name: str) -> Section:
    """Where a measurement writes."""
    return Section(page, f"python -m benchmarks.proof {name}")


def record_in(folder: Path, name: str) -> Path:
    """The file of a measurement's figures."""
    return folder / f"{name.replace('-', '_')}.json"


def pixel_stages(options: argparse.Namespace) -> dict[str, Path]:
    """What the pixel stages ended with, by the names of models: as given; of the models that ship, those kept."""
    if options.pixel or options.models != MODELS:
        return dict(options.pixel)
    return {file.stem: file for file in sorted(PIXEL.glob("*.safetensors"))}


def chosen_methods(models: Path, pixel: dict[str, Path], *, large: bool) -> tuple[list[Method], list[str]]:
    """Interpolation, the models of a folder and published weights; and a line for each kind that is absent."""
    ours = models_in(models, pixel)
    scales = sorted({*SCALES, *(method.scale for method in ours)})
    methods = (
        [method for scale in scales for method in interpolations(scale)] + ours + published(scales, large=large)
    )
    absent = [] if ours else [f"this project's models are left out: --models {models} holds no .safetensors file"]
    return methods, absent + ([reason] if (reason := missing()) is not None else [])


def places_of(options: argparse.Namespace) -> tuple[Path, Path, Path]:
    """The folders of records and pictures, and the page: those of the repository, unless it is only tried."""
    folder = options.output or (Path("build/proof") if options.quick else None)
    return (RECORDS, PICTURES, PAGE) if folder is None else (folder, folder, folder / "results.md")


def everything(options: argparse.Namespace) -> None:
    """Every measurement, as ``make results`` takes it."""
    output = [] if options.output is None else ["-o", str(options.output)]
    for name in MEASUREMENTS:
        main([name, *(["--quick"] if options.quick else []), *output])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proof",
        description="What the models can do, as tables and pictures; without a command all of it.",
    )
    _add_common(parser, quick="everything small: minutes")
    parser.set_defaults(run=everything, quick=False, output=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    _add_heldout(commands.add_parser("heldout", help="measure models on photographs that they never saw"))
    _add_equal_time(commands.add_parser("equal-time", help="train beside the published trainer, for as long"))
    page = commands.add_parser("page", help=f"write {PAGE} again from the records")
    page.set_defaults(run=rewrite)
    return parser


def _add_heldout(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_common(parser, quick="one photograph, a small crop and one draw: less than a minute")
    add("--models", type=Path, default=MODELS, metavar="DIR", help=f"NAME.safetensors files (default: {MODELS})")
    add(
        "--pixel",
        type=_named_file,
        nargs="+",
        default=(),
        metavar="NAME=FILE",
        help=f"what the pixel stage of that model ended with: a model file or a checkpoint (default: {PIXEL}/NAME"
        ".safetensors of the models that ship)",
    )
    add("--photos", type=Path, default=PHOTOS, metavar="DIR", help=f"photographs (default: {PHOTOS})")
    add("--side", type=number(Count), default=1280, metavar="N", help="HR pixels a side at most (default: 1280)")
    add("--draws", type=number(Count), default=3, metavar="N", help="of random degradations (default: 3)")
    names = " ".join(DEGRADATIONS)
    add("--degradations", nargs="+", default=DEGRADATIONS, metavar="NAME", help=f"default: {names}")
    parser.set_defaults(run=heldout)


def _add_equal_time(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_common(parser, quick="seconds, on two small photographs")
    add("--minutes", type=number(Positive), default=8.0, metavar="M", help="of each trainer (default: 8)")
    add("--every", type=number(Positive), default=20.0, metavar="S", help="seconds between points (default: 20)")
    add("--photos", type=Path, default=TRAINED_ON, metavar="DIR", help=f"to train on (default: {TRAINED_ON})")
    add("--held-out", type=Path, default=PHOTOS, metavar="DIR", help=f"to measure with (default: {PHOTOS})")
    parser.set_defaults(run=equal_time)


def _add_common(parser: argparse.ArgumentParser, *, quick: str) -> None:
    add = partial(parser.add_argument, default=argparse.SUPPRESS)  # what stands before the command counts too
    add("--quick", action="store_true", help=quick)
    to = f"where everything goes (default: {RECORDS}, {PICTURES} and {PAGE}; with --quick build/proof)"
    add("-o", "--output", type=Path, metavar="DIR", help=to)


def _without_output(given: Sequence[str]) -> list[str]:
    """Arguments as a record keeps them: where everything went changes no figure."""
    reader = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    reader.add_argument("-o", "--output")
    return reader.parse_known_args(given)[1]


def _named_file(text: str) -> tuple[str, Path]:
    name, separator, file = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FILE, such as x2_photo=best_pixel.ckpt")
    return name, Path(file)


if __name__ == "__main__":
    sys.exit(run_command(main))
