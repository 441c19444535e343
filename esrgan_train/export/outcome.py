"""All formats of one export: those that compute what PyTorch computes are kept, the others are told."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.apart import make_apart
from esrgan_train.export.formats import CONVERTED, FormatError, make
from esrgan_train.export.verify import Verdict

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What an export has come to.

    Attributes:
        verdicts: on every file that could be run.
        failures: why a format, or a part of it, is missing: one line each.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, made: Iterator[Verdict], name: str, network: str) -> Outcome:
        """Take the verdicts of one format as far as they come."""
        try:
            self.verdicts.extend(made)
        except UserError as error:
            self.failures.append(str(error))
        except FormatError as error:
            self.failures.append(f"--format {name} cannot hold {network}: {error}; leave {name} out")
        return self


def export_all(
    model: Path,
    generator: nn.Module,
    stem: Path,
    formats: Sequence[str],
    metadata: Mapping[str, Any],
    *,
    fp32: bool,
) -> Outcome:
    """Write and run every format; files that pass are moved to their place, the others are dropped.

    Args:
        model: the file that is exported.
        generator: its network, in evaluation mode, float32, on the CPU.
        stem: folder and name of the files, without suffix; files of the same names are replaced.
        formats: some of ``FORMATS``.
        metadata: plain values for every file, ``upscale`` among them.
        fp32: write no float16.
    """
    folder, network = stem.parent, type(generator).__name__
    folder.parent.mkdir(parents=True, exist_ok=True)
    outcome = Outcome()
    with (
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as beside,
        ThreadPoolExecutor(len(CONVERTED)) as processes,
    ):
        partial = Path(beside, stem.name)
        wanted = list(dict.fromkeys(formats))
        apart = {
            name: processes.submit(
                Outcome().add, make_apart(name, model, partial, metadata, fp32=fp32), name, network
            )
            for name in wanted
            if name in CONVERTED
        }
        for name in wanted:
            log.info("%-13s writing, then running on photographs", name)
            if name in apart:
                found = apart[name].result()
            else:
                found = Outcome().add(make(name, generator, partial, metadata, fp32=fp32), name, network)
            outcome.verdicts += found.verdicts
            outcome.failures += found.failures
        for verdict in (verdict for verdict in outcome.verdicts if verdict.passed):
            folder.mkdir(exist_ok=True)
            for file in verdict.files:
                file.replace(folder / file.name)
    return outcome
