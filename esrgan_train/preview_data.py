"""The data preview: ``python -m esrgan_train.preview_data [key=value ...]`` shows what training will see."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from esrgan_train.build import build_datamodule
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.data.pairs import pairs_sheet
from esrgan_train.images.encode import write_image

log = logging.getLogger(__name__)

SAMPLES = 12
TARGET = Path("preview/pairs.png")


def main(overrides: list[str]) -> int:
    """Write the first training samples, HR beside LR, as one labelled sheet; the exit status."""
    datamodule = build_datamodule(compose_config(overrides))
    datamodule.setup("fit")  # says what was left out
    write_image(TARGET, pairs_sheet(datamodule.training_photos(), range(SAMPLES)))
    log.info("%s", datamodule.describe())
    log.info("the first %d samples as training will see them: %s", SAMPLES, TARGET)
    return DONE


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
