"""The export command: ``python -m esrgan_train.export CKPT -o DIR --format pth safetensors onnx ncnn``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import rich
from rich.table import Table

from esrgan_train.cli import DONE, FAILED, report_error, run_command
from esrgan_train.errors import RunError, UserError
from esrgan_train.export.formats import FORMATS, Request, check_packages
from esrgan_train.export.results import export_all
from esrgan_train.export.source import file_name, metadata_of
from esrgan_train.export.verification import Verdict
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Write the model in every format asked for, run each file, and keep those that compute the same."""
    options = _parser().parse_args(arguments)
    formats = list(dict.fromkeys(options.format))
    check_packages(formats)
    model = load_weights(options.model)
    generator = rebuild_generator(model)
    name = options.name or file_name(model)
    if name == ".." or Path(name).name != name:
        raise UserError(f"--name {name!r} is no file name: give one without folders")
    stem = options.output / name
    _check_targets(stem, options.model, formats)
    metadata = metadata_of(model, generator, licence=options.licence)
    results = export_all(
        generator,
        [Request(format=f, model=options.model, stem=stem, metadata=metadata, fp32=options.fp32) for f in formats],
    )
    if results.verdicts:
        rich.get_console().print(_table(results.verdicts))
    for verdict in (verdict for verdict in results.verdicts if verdict.passed):
        log.info("%-13s %s", verdict.label, " ".join(str(options.output / file.name) for file in verdict.files))
    for failure in results.failures:
        report_error(RunError(failure))
    return FAILED if results.failures else DONE


def _check_targets(stem: Path, source: Path, formats: Sequence[str]) -> None:
    """Refuse to replace the file that is being exported, or to write into a file."""
    if stem.parent.exists() and not stem.parent.is_dir():
        raise UserError(f"-o {stem.parent} is a file: give a folder")
    for name in formats:
        if stem.with_name(f"{stem.name}.{name}").resolve() == source.resolve():
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
        prog="python -m esrgan_train.export",
        description="Write a trained model for other programs, and prove that they compute the same.",
    )
    add = parser.add_argument
    add("model", type=Path, metavar="CKPT", help=".ckpt, .pth or .safetensors")
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="folder to write to")
    add("--format", nargs="+", choices=FORMATS, default=list(FORMATS), help=f"default: {' '.join(FORMATS)}")
    add("--name", help="of the files, without suffix; default: the experiment, or CKPT's name")
    add("--licence", metavar="TEXT", help="is stored in every file, such as CC-BY-4.0")
    add("--fp32", action="store_true", help="write no float16: larger files, full precision")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
