"""One format made in a process of its own, since converters are native code that may crash.

``python -m esrgan_train.export.apart REQUEST REPORT``: the first is JSON, the second gets a line of JSON for each
finished file.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from esrgan_train.errors import UserError
from esrgan_train.export.formats import FormatError, make
from esrgan_train.export.reference import read_generator
from esrgan_train.export.verify import Verdict

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def make_apart(
    name: str, model: Path, stem: Path, metadata: Mapping[str, Any], *, fp32: bool
) -> Iterator[Verdict]:
    """As ``formats.make``, of a model file; what converters print is dropped unless they fail.

    Raises:
        UserError, FormatError: as ``formats.make``, the latter also if the process dies.
    """
    request, report = (stem.parent / f"{name}.{kind}.json" for kind in ("request", "report"))
    request.write_text(
        json.dumps({"name": name, "model": str(model), "stem": str(stem), "metadata": metadata, "fp32": fp32})
    )
    report.touch()
    child = subprocess.run(
        # Of what is printed, only a failure's last line is of use, and a warning is none.
        [sys.executable, "-W", "ignore", "-m", "esrgan_train.export.apart", str(request), str(report)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    printed = _COLOUR.sub("", child.stdout.decode(errors="replace")).strip().splitlines()
    last = f" ({printed[-1].strip()})" if printed else ""
    for line in report.read_text().splitlines():
        said = json.loads(line)
        if "refused" in said:
            raise UserError(said["refused"])
        if "failed" in said:
            raise FormatError(f"{said['failed']}{last}")
        yield Verdict(**{**said, "files": tuple(map(Path, said["files"]))})
    if child.returncode:
        raise FormatError(f"the converter {_end(child.returncode)}{last}")


def main(arguments: list[str] | None = None) -> None:
    """Make what is requested; each line of the report is written as soon as it is known."""
    options = _parser().parse_args(arguments)
    asked = json.loads(options.request.read_text())
    with options.report.open("w", buffering=1) as file:
        try:
            _, generator = read_generator(Path(asked["model"]))
            for verdict in make(
                asked["name"], generator, Path(asked["stem"]), asked["metadata"], fp32=asked["fp32"]
            ):
                print(json.dumps(asdict(verdict) | {"files": [str(path) for path in verdict.files]}), file=file)
        except UserError as error:
            print(json.dumps({"refused": str(error)}), file=file)
        except FormatError as error:
            print(json.dumps({"failed": str(error)}), file=file)


def _end(status: int) -> str:
    try:
        return f"died of {signal.Signals(-status).name}"
    except ValueError:
        return f"ended with status {status}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m esrgan_train.export.apart",
        description="Make one format; started by python -m esrgan_train.export, which is the command to use.",
    )
    parser.add_argument("request", type=Path, metavar="REQUEST", help="JSON: what is to be made")
    parser.add_argument("report", type=Path, metavar="REPORT", help="gets a line of JSON for each finished file")
    return parser


if __name__ == "__main__":
    main()
