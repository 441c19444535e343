"""The export command: ``python -m esrgan_train.export CKPT -o DIR --format pth safetensors onnx ncnn``."""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import rich
from rich.table import Table

from esrgan_train.arguments import number
from esrgan_train.cli import DONE, FAILED, report_error, run_command
from esrgan_train.commands import program
from esrgan_train.errors import RunError, UserError
from esrgan_train.export.card.facts import Facts
from esrgan_train.export.card.openmodeldb import wanting
from esrgan_train.export.card.stated import add_card_options, stated_in
from esrgan_train.export.card.writing import check_card_place, facts_before, write_card
from esrgan_train.export.formats import FORMATS, Request, check_packages
from esrgan_train.export.results import Results, export_all
from esrgan_train.export.source import file_name, metadata_of
from esrgan_train.export.targets import read_target, target_names
from esrgan_train.export.variants import Opset, Variant
from esrgan_train.export.verification import Verdict
from esrgan_train.export.wishes import changed, height_and_width, variants_of
from esrgan_train.file_names import check_file_name
from esrgan_train.files import replacing
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Write the model in every format asked for, run each file, and keep those that compute the same."""
    options = _parser().parse_args(arguments)
    target = None if options.target is None else read_target(options.target)
    variants = changed(
        variants_of(options.format, target), opset=options.opset, size=options.static, fp32=options.fp32
    )
    check_packages(variant.format for variant in variants)
    model = load_weights(options.model)
    generator = rebuild_generator(model)
    name = options.name or file_name(model)
    if name == ".." or Path(name).name != name:
        raise UserError(f"--name {name!r} is no file name: give one without folders")
    stated = stated_in(options, model.metadata)
    metadata = metadata_of(model, generator, licence=stated.licence, authors=stated.author)
    stem, descriptions = (name, {}) if target is None else target.written_as(name, metadata)
    for path in (stem, *descriptions):
        check_file_name("--name", path)
    _check_places(options.output, stem, options.model, variants)
    facts = None if options.no_card else facts_before(options.model, generator, name, metadata, stated)
    if facts is not None:
        check_card_place(options.output, facts)
    requests = [
        Request(
            variants=tuple(of_format),
            model=options.model,
            folder=options.output,
            name=stem,
            metadata=metadata,
            target=options.target,
        )
        for _, of_format in itertools.groupby(variants, key=lambda variant: variant.format)
    ]
    results = export_all(generator, requests)
    written = [str(file) for verdict in results.verdicts if verdict.passed for file in verdict.files]
    if written:
        _describe(options.output, descriptions)
    _say(results, descriptions if written else {}, options.output)
    if facts is not None and written:
        _write_card(options.output, facts, results)
    return FAILED if results.failures else DONE


def _write_card(folder: Path, facts: Facts, results: Results) -> None:
    facts, files = write_card(folder, facts, results.verdicts)
    log.info("%-13s %s", "card", " ".join(map(str, files)))
    if lacking := wanting(facts):
        log.info("%-13s OpenModelDB also asks for %s", "not stated", ", ".join(lacking))


def _describe(folder: Path, descriptions: Mapping[str, str]) -> None:
    for path, text in descriptions.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / path) as partial:
            partial.write_text(text, encoding="utf-8")


def _say(results: Results, descriptions: Iterable[str], folder: Path) -> None:
    if results.verdicts:
        rich.get_console().print(_table(results.verdicts))
    for verdict in (verdict for verdict in results.verdicts if verdict.passed):
        log.info("%-13s %s", verdict.label, " ".join(map(str, verdict.files)))
    for path in descriptions:
        log.info("%-13s %s", "description", folder / path)
    for failure in results.failures:
        report_error(RunError(failure))


def _check_places(folder: Path, stem: str, source: Path, variants: Iterable[Variant]) -> None:
    """Refuse to replace the file that is being exported, or to write into a file."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"-o {folder} is a file: give a folder")
    for variant in variants:
        if (folder / f"{stem}{variant.suffix}.{variant.format}").resolve() == source.resolve():
            raise UserError(f"{source} would be replaced: give another folder with -o, or another --name")


def _table(verdicts: Sequence[Verdict]) -> Table:
    shown = Table(title="largest difference from PyTorch, of values in [0,1]", title_justify="left")
    for heading in ("format", "run by", "size", "difference", "tolerance", ""):
        shown.add_column(heading, justify="left" if heading in ("format", "run by") else "right")
    for verdict in verdicts:
        shown.add_row(
            verdict.label,
            verdict.engine,
            f"{verdict.size / 1e6:.2f} MB",
            f"{verdict.difference:.1e}",
            f"{verdict.tolerance:.1e}",
            "same" if verdict.passed else "differs",
        )
    return shown


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.export"),
        description="Write a trained model for other programs, and prove that they compute the same.",
    )
    add = parser.add_argument
    add("model", type=Path, metavar="CKPT", help=".ckpt, .pth or .safetensors")
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="folder to write to")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--format", nargs="+", choices=FORMATS, help=f"default: {' '.join(FORMATS)}")
    wanted.add_argument(
        "--target", metavar="NAME", help=f"for a program: {', '.join(target_names())}, or a YAML file of your own"
    )
    add("--name", help="of the files, without suffix; default: the experiment, or CKPT's name")
    add(
        "--opset",
        type=number(Opset),
        metavar="N",
        help="of ONNX, 16 to 23; default: the target's, or 18",
    )
    add("--static", type=height_and_width, metavar="HxW", help="ONNX for one picture of that size alone")
    add("--licence", metavar="TEXT", help="is stored in every file, such as CC-BY-4.0 (SPDX)")
    add("--fp32", action="store_true", help="write no float16: larger files, full precision")
    add_card_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
