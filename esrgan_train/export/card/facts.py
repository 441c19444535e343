"""All that a card says: of the network, the run, the written files, and what a person stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrgan_train.export.card.stated import Stated
from esrgan_train.export.verification import Verdict

if TYPE_CHECKING:
    from esrgan_train.export.card.run import Run

# Networks by class: the id in https://github.com/OpenModelDB/open-model-database/blob/main/data/architectures.json
# and its name there.
_ARCHITECTURES = {
    "SRVGGNetCompact": ("compact", "Compact"),
    "ESRGAN": ("esrgan", "ESRGAN"),
    "SPAN": ("span", "SPAN"),
    "MoSR": ("mosr", "MoSR"),
    "RealPLKSR": ("realplksr", "RealPLKSR"),
    **{f"UpCunet{scale}x": ("real-cugan", "Real-CUGAN") for scale in (2, 3, 4)},
    **{name: (name.lower(), name) for name in ("ATD", "CRAFT", "DAT", "DCTLSA", "DITN", "DRCT", "GRL", "HAT")},
    **{name: (name.lower(), name) for name in ("OmniSR", "RCAN", "RGT", "SwinIR")},
}
# How the database writes a network's size, where it does: option and unit.
_SIZES = {
    "SRVGGNetCompact": {"num_feat": "nf", "num_conv": "nc"},
    "ESRGAN": {"num_filters": "nf", "num_blocks": "nb"},
}


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file that an export wrote and kept."""

    path: Path  # in the folder
    size: int  # bytes
    sha256: str
    label: str  # such as "onnx fp16"

    @property
    def name(self) -> str:
        """Its path in the folder, with slashes."""
        return self.path.as_posix()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A model, as its card describes it; whatever is unknown is None or missing."""

    name: str
    network: str  # name of the class
    scale: int
    channels: int  # of the pictures that go in and come out
    metadata: Mapping[str, Any]  # as every file keeps it
    stated: Stated
    day: date
    run: Run | None = None
    verdicts: tuple[Verdict, ...] = ()
    files: tuple[Written, ...] = ()
    pictures: tuple[Mapping[str, str], ...] = ()  # paths in the folder, by ``pictures.KINDS``
    shown_after: int | None = None  # iterations after which the pictures were made

    @property
    def options(self) -> Mapping[str, Any]:
        """The arguments of the network."""
        found = self.metadata.get("options")
        return found if isinstance(found, Mapping) else {}

    @property
    def architecture(self) -> tuple[str, str] | None:
        """Id and name in the model database; None for a network that it does not have."""
        if self.options.get("dysample"):
            return ("realplksr-dysample", "RealPLKSR_dysample") if self.network == "RealPLKSR" else None
        return _ARCHITECTURES.get(self.network)

    @property
    def size(self) -> list[str]:
        """The network's size as the database writes it, such as ``["64nf", "16nc"]``."""
        units = _SIZES.get(self.network, {})
        return [f"{self.options[name]}{unit}" for name, unit in units.items() if name in self.options]

    @property
    def iterations(self) -> int | None:
        """Of the training; None if the file does not say."""
        return self._whole_number("iterations")

    @property
    def photos(self) -> int | None:
        """How many it was trained on; None if the file does not say."""
        fingerprint = self.metadata.get("data_fingerprint")
        found = fingerprint.get("photos") if isinstance(fingerprint, Mapping) else None
        return found if isinstance(found, int) and found > 0 else None

    @property
    def dataset(self) -> tuple[str, ...]:
        """What it was trained on, as stated or else as the run names it."""
        return self.stated.dataset or (self.run.photos if self.run else ())

    def _whole_number(self, name: str) -> int | None:
        found = self.metadata.get(name)
        return found if isinstance(found, int) and found > 0 else None
