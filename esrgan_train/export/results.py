"""All formats of one export: the files that compute what PyTorch computes, and why others are missing."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
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
    stem, network = requests[0].stem, type(generator).__name__
    folder, whole = stem.parent, Results()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as beside,
        ThreadPoolExecutor(len(FORMATS)) as processes,
    ):
        unfinished = [replace(request, stem=Path(beside, stem.name)) for request in requests]
        apart = {
            request.format: processes.submit(_collect, make_apart(request), request, network)
            for request in unfinished
            if FORMATS[request.format].apart
        }
        for request in unfinished:
            log.info("%-13s writing, then running on photographs", request.format)
            if request.format in apart:
                found = apart[request.format].result()
            else:
                found = _collect(make(generator, request), request, network)
            whole.verdicts += found.verdicts
            whole.failures += found.failures
        for verdict in (verdict for verdict in whole.verdicts if verdict.passed):
            folder.mkdir(exist_ok=True)
            for file in verdict.files:
                file.replace(folder / file.name)
    return whole


def _collect(made: Iterator[Verdict], request: Request, network: str) -> Results:
    """The verdicts on one format, and the reason if it fails."""
    results = Results()
    try:
        results.verdicts.extend(made)
    except UserError as error:
        results.failures.append(str(error))
    except FormatError as error:
        name = request.format
        results.failures.append(f"--format {name} cannot hold {network}: {error}; leave {name} out")
    return results
