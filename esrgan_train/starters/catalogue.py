"""Which starter models there are, what each is for, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NETWORK = {"num_feat": 24, "num_conv": 8, "act_type": "prelu"}  # of all of them: generator=superultracompact


@dataclass(frozen=True, kw_only=True)
class Starter:
    """A model, whose name is that of its files and of the experiment that trained it."""

    name: str
    scale: int
    clean: bool  # made for clean pictures, not for everyday ones

    @property
    def purpose(self) -> str:
        """What it does, in words."""
        return f"×{self.scale}, for {'clean' if self.clean else 'everyday'} pictures"

    @property
    def file(self) -> Path:
        """Its weights."""
        return FOLDER / f"{self.name}.safetensors"

    @property
    def card(self) -> Path:
        """Its model card, for people."""
        return FOLDER / f"{self.name}.md"

    @property
    def record(self) -> Path:
        """The same facts as JSON."""
        return FOLDER / f"{self.name}.json"


# Of two that fit, the first is taken.
STARTERS = (
    Starter(name="x2_photo", scale=2, clean=False),
    Starter(name="x4_photo", scale=4, clean=False),
    Starter(name="x2_clean", scale=2, clean=True),
)


def for_enlargement(scale: float | None) -> Starter:
    """What enlarges everyday pictures by ``scale``: at least so far if there is one; None: ×2."""
    photo = sorted((one for one in STARTERS if not one.clean), key=lambda one: one.scale)
    return next((one for one in photo if one.scale >= (scale or 0)), photo[-1])


def for_training(scale: int, *, clean: bool) -> Starter | None:
    """What to start from at ``scale``: of several, the one for such pictures; None if there is none at all."""
    found = [one for one in STARTERS if one.scale == scale]
    return next((one for one in found if one.clean == clean), found[0] if found else None)


def located(model: str | Path) -> Path:
    """The path of a model: of the starter that it names where there is no such file, else as given."""
    path = Path(model)
    named = {one.name: one.file for one in STARTERS}
    return path if path.exists() else named.get(str(path), path)
