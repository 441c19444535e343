"""One format made in a process of its own, since converters are native code that may crash."""

from __future__ import annotations

import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.export.formats import FormatError, Request, make
from esrgan_train.export.verification import Verdict
from esrgan_train.inference.models import load_generator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def make_apart(request: Request) -> Iterator[Verdict]:
    """``formats.make`` of the request's model; what converters print is dropped unless they fail.

    Raises:
        FormatError: also if the process dies.
    """
    report = request.file(f".{request.format}.report")
    report.touch()
    child = subprocess.run(
        # Of what is printed only a failure's last line is of use, and a warning is none.
        [sys.executable, "-W", "ignore", "-c", f"from {__name__} import work; work()", str(report)],
        input=pickle.dumps(request),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    printed = _COLOUR.sub("", child.stdout.decode(errors="replace")).strip().splitlines()
    last = f" ({printed[-1].strip()})" if printed else ""
    with report.open("rb") as file:
        while file.peek(1):
            said = pickle.load(file)
            if isinstance(said, FormatError):
                raise FormatError(f"{said}{last}")
            if isinstance(said, UserError):
                raise said
            yield said
    if child.returncode:
        raise FormatError(f"the converter {how_it_ended(child.returncode)}{last}")


def work() -> None:
    """What the child runs: the request comes by stdin, and each verdict or error goes to the report at once."""
    request: Request = pickle.load(sys.stdin.buffer)
    with Path(sys.argv[1]).open("wb") as report:
        try:
            for verdict in make(load_generator(request.model), request):
                pickle.dump(verdict, report)
                report.flush()
        except (UserError, FormatError) as error:
            pickle.dump(error, report)


def how_it_ended(status: int) -> str:
    """A process's status in words, such as "died of SIGSEGV"."""
    try:
        return f"died of {signal.Signals(-status).name}"
    except ValueError:
        return f"ended with status {status}"
