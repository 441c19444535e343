"""A choice: a row of the comparison, and the options that make it differ from the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

from esrgan_train.errors import UserError

BASE = "base"
ROWS = Path(__file__).with_name("rows.yaml")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One row.

    Attributes:
        name: by which ``--rows`` and the file of results know it.
        what: in words.
        options: overrides that no other row has; ``{model}`` stands for the model of ``needs``.
        needs: the row whose model it learns from.
    """

    name: str
    what: str
    options: tuple[str, ...]
    needs: str | None = None


@dataclass(frozen=True)
class Comparison:
    """All rows.

    Attributes:
        common: overrides of every row.
        choices: by name, the base first and each after the one that it needs.
    """

    common: tuple[str, ...]
    choices: dict[str, Choice]

    def named(self, names: Sequence[str]) -> list[Choice]:
        """Those of the names, with the base and what they need, in their order; without names all.

        Raises:
            UserError: there is no such row.
        """
        for name in names:
            if name not in self.choices:
                raise UserError(f"--rows {name} is not in {ROWS.name}: give {', '.join(self.choices)}")
        wanted = {BASE, *(names or self.choices)}
        wanted |= {need for name in wanted if (need := self.choices[name].needs) is not None}
        return [choice for name, choice in self.choices.items() if name in wanted]


def read_comparison(path: Path = ROWS) -> Comparison:
    """What the file of rows holds."""
    content = OmegaConf.load(path)
    choices = {
        str(name): Choice(name=str(name), what=row.what, options=tuple(row.options), needs=row.get("needs"))
        for name, row in content.rows.items()
    }
    return Comparison(tuple(content.common), choices)
