"""The data preview: ``python -m esrgan_train.preview_data [key=value ...]`` shows what training will see."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import Count
from esrgan_train.build import build_datamodule
from esrgan_train.checks.flags import overrides_of
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.config import check, compose_config
from esrgan_train.data.sheet import pairs_sheet
from esrgan_train.data.strip import degradation_strip
from esrgan_train.data.training_set import DRAWING, TrainingSet
from esrgan_train.images.encode import write_image
from esrgan_train.likeness.pictures import Crop, made_crops, own_crops
from esrgan_train.likeness.readings import read
from esrgan_train.likeness.verdict import medians, verdict

log = logging.getLogger(__name__)

_SAMPLES, _ON_THE_WAY = 12, 4
_FOLDER = Path("preview")
_PAIRS, _STRIP, _LIKE = (_FOLDER / name for name in ("pairs.png", "strip.png", "like.png"))
_CROPS = 64


def main(arguments: list[str] | None = None) -> int:
    """Draw the first training samples, HR next to LR, and how LR came about; with ``--like``, own pictures too."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    overrides = overrides_of(parser, given)
    options = parser.parse_known_intermixed_args(given)[0]
    cfg = compose_config(overrides)
    check(cfg)
    datamodule = build_datamodule(cfg)
    datamodule.setup("fit")  # reports what was left out
    training = datamodule.training
    own = None if options.like is None else _own_crops(options.like, training, options.like_count)
    write_image(_PAIRS, pairs_sheet(training, range(_SAMPLES)))
    log.info("%s", datamodule.describe())
    log.info("the first %d samples as training will see them: %s", _SAMPLES, _PAIRS)
    write_image(_STRIP, degradation_strip(training, range(_ON_THE_WAY)))
    log.info("the first %d %s: %s", _ON_THE_WAY, _shown_in_strip(training), _STRIP)
    if own is not None:
        _compare(own, training, options.like_count)
    return DONE


def _shown_in_strip(training: TrainingSet) -> str:
    if not training.source.has_photos:
        return "with their LR, which is given: no steps are shown"
    if not isinstance(training.degradation, DRAWING):
        return "with their LR: this degradation does not tell its steps"
    return "after every step of the degradation"


def _own_crops(folder: Path, training: TrainingSet, count: int) -> list[Crop]:
    options = training.options
    return own_crops(folder, count, side=options.gt_size // options.upscale, colour=options.colour)


def _compare(own: list[Crop], training: TrainingSet, count: int) -> None:
    from esrgan_train.likeness.sheet import likeness_sheet  # draws with matplotlib, which takes its time to load

    made = made_crops(training, count)
    readings = read(own), read(made)
    line = verdict(*readings, training.degradation if training.source.has_photos else None)
    write_image(_LIKE, likeness_sheet(own, made, readings, line))
    log.info("%d crops of your pictures, %d that training makes: %s", len(own), len(made), _LIKE)
    log.info("medians, yours against training's: %s", medians(*readings))
    log.info("%s", line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.preview_data"),
        description=(
            f"Draw the first {_SAMPLES} training samples, HR next to LR, in {_PAIRS}, and how LR came about, step "
            f"by step, in {_STRIP}."
        ),
        epilog=f"{program('esrgan_train')} --help lists options such as data=folder data.train_dir=my/photos.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="key=value", help="options of the training")
    add("--like", type=Path, metavar="DIR", help=f"a folder of pictures to enlarge one day: compared in {_LIKE}")
    text = f"crops of either kind that are compared; default: {_CROPS}"
    add("--like-count", type=number(Count), default=_CROPS, metavar="N", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
