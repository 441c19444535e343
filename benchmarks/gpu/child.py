"""The process of one part: ``python -m benchmarks.gpu.child NAME FILE DEVICE [--quick]``.

Into FILE it writes a line of JSON with what it plans, then one for each figure as soon as it is there and for each
measurement that is done, so that what was measured stays if the part is ended.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import rich
import torch

from benchmarks.gpu.figure import Figure, one_line
from benchmarks.gpu.part import Measurement, Setting
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.sizes import FULL, QUICK
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.logs import set_up_console


def main(name: str, file: Path, device: str, *, quick: bool) -> None:
    """Measure everything of a part that can be measured."""
    set_up_console()
    keep_freed_memory()  # as training does
    with TemporaryDirectory() as folder, file.open("w", encoding="utf-8") as out, Path(os.devnull).open("w") as no:
        # As on a terminal, where the progress bar reads what was measured; what it draws goes nowhere.
        rich.reconfigure(file=no, force_terminal=True)
        sizes = QUICK if quick else FULL
        setting = Setting(device=torch.device(device), sizes=sizes, folder=Path(folder))
        measurements = PARTS[name].plan(setting)
        print(json.dumps({"planned": [[each.key, each.name] for each in measurements]}), file=out, flush=True)
        for measurement in measurements:
            for figure in attempt(measurement):
                print(json.dumps(figure.as_dict()), file=out, flush=True)
            print(json.dumps({"done": measurement.key}), file=out, flush=True)


def attempt(measurement: Measurement) -> Iterator[Figure]:
    """Its figures; if it fails, one that says so."""
    try:
        yield from measurement.run()
    except Exception as error:  # noqa: BLE001 — the others are to be measured
        traceback.print_exc()
        yield Figure(key=measurement.key, name=measurement.name, error=one_line(error))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], quick="--quick" in sys.argv)
