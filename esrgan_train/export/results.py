"""All formats of one export: the files that compute what PyTorch computes, and why others are missing."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.apart import make_apart
from esrgan_train.export.formats import FORMATS, FormatError, Request, make
from esrgan_train.export.verification import Verdict

log = logging.getLogger(__name__)


@dataclass
class Results:
    """Verdicts on all files that could be run, and in a line each why a format, or a part of it, is missing."""

    verdicts: list[Verdict] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def export_all(generator: nn.Module, requests: Sequence[Request]) -> Results:
    """Write and run every format; files that pass replace those of the same name, the others are dropped.

    All requests are for the same folder.
    """
    folder, whole = requests[0].folder, Results()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as beside,
        ThreadPoolExecutor(len(FORMATS)) as processes,
    ):
        unfinished = [replace(request, folder=Path(beside)) for request in requests]
        for request in unfinished:
            request.file("").parent.mkdir(parents=True, exist_ok=True)
        apart = {
            request.format: processes.submit(_result, generator, request)
            for request in unfinished
            if FORMATS[request.format].apart
        }
        for request in unfinished:
            log.info("%-13s writing, then running on photographs", request.format)
            found = apart[request.format].result() if request.format in apart else _result(generator, request)
            whole.verdicts += [_kept(verdict, Path(beside), folder) for verdict in found.verdicts]
            whole.failures += found.failures
    return whole


def _kept(verdict: Verdict, unfinished: Path, folder: Path) -> Verdict:
    """The verdict, with its files in their place if they passed."""
    if not verdict.passed:
        return verdict
    places = tuple(folder / file.relative_to(unfinished) for file in verdict.files)
    for file, place in zip(verdict.files, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        file.replace(place)
    return replace(verdict, files=places)


def _result(generator: nn.Module, request: Request) -> Results:
    result, name = Results(), request.format
    try:
        for verdict in make_apart(request) if FORMATS[name].apart else make(generator, request):
            result.verdicts.append(verdict)
            if not verdict.passed:
                result.failures.append(_too_different(verdict, request.target))
    except UserError as error:
        result.failures.append(str(error))
    except FormatError as error:
        what = f"cannot hold {type(generator).__name__}: {error}"
        if request.target is None:
            result.failures.append(f"--format {name} {what}; leave {name} out")
        else:
            result.failures.append(f"--target {request.target}: {name} {what}; --format writes the other formats")
    return result


def _too_different(verdict: Verdict, target: str | None) -> str:
    what = f"{verdict.label} differs too much, so it was not kept"
    if target is not None:
        return f"--target {target}: {what}"
    remedy = "--fp32 writes no float16; otherwise " if verdict.label.endswith("fp16") else ""
    return f"{what}; {remedy}leave that --format out"
