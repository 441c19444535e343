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
    """Write and run every format; files that pass replace those of the same name, the others are dropped."""
    folder, whole = requests[0].stem.parent, Results()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as beside,
        ThreadPoolExecutor(len(FORMATS)) as processes,
    ):
        unfinished = [replace(request, stem=Path(beside, request.stem.name)) for request in requests]
        apart = {
            request.format: processes.submit(_result, generator, request)
            for request in unfinished
            if FORMATS[request.format].apart
        }
        for request in unfinished:
            log.info("%-13s writing, then running on photographs", request.format)
            found = apart[request.format].result() if request.format in apart else _result(generator, request)
            whole.verdicts += found.verdicts
            whole.failures += found.failures
        for verdict in (verdict for verdict in whole.verdicts if verdict.passed):
            folder.mkdir(exist_ok=True)
            for file in verdict.files:
                file.replace(folder / file.name)
    return whole


def _result(generator: nn.Module, request: Request) -> Results:
    result, name = Results(), request.format
    try:
        for verdict in make_apart(request) if FORMATS[name].apart else make(generator, request):
            result.verdicts.append(verdict)
            if not verdict.passed:
                remedy = "--fp32 writes no float16; otherwise " if verdict.label.endswith("fp16") else ""
                result.failures.append(
                    f"{verdict.label} differs too much, so it was not kept; {remedy}leave that --format out"
                )
    except UserError as error:
        result.failures.append(str(error))
    except FormatError as error:
        network = type(generator).__name__
        result.failures.append(f"--format {name} cannot hold {network}: {error}; leave {name} out")
    return result
