"""The data preview: ``python -m esrgan_train.preview_data [key=value ...]`` shows what training will see."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.build import build_datamodule
from esrgan_train.checks.flags import overrides_of
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.data.sheet import pairs_sheet
from esrgan_train.images.encode import write_image

log = logging.getLogger(__name__)

_SAMPLES = 12
_TARGET = Path("preview/pairs.png")


def main(arguments: list[str] | None = None) -> int:
    """Write the first training samples, HR next to LR, as one labelled sheet."""
    overrides = overrides_of(_parser(), sys.argv[1:] if arguments is None else arguments)
    datamodule = build_datamodule(compose_config(overrides))
    datamodule.setup("fit")  # reports what was left out
    write_image(_TARGET, pairs_sheet(datamodule.training, range(_SAMPLES)))
    log.info("%s", datamodule.describe())
    log.info("the first %d samples as training will see them: %s", _SAMPLES, _TARGET)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m esrgan_train.preview_data",
        description=f"Draw the first {_SAMPLES} training samples, HR next to LR, in {_TARGET}.",
        epilog="python -m esrgan_train --help lists the options, such as data=folder data.train_dir=my/photos.",
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="options of the training")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
