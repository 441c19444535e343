"""The table of groups in docs/configuration.md, made from the configuration: ``python -m tests.groups_table``."""

from __future__ import annotations

import re
from pathlib import Path

from esrgan_train.archs.discovery import discover
from esrgan_train.config import config_dir

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
OWN = ("generator", "discriminator")  # groups that a class of the user's extends
HEAD = "| group | chooses | choices |\n|---|---|---|\n"
_TABLE = re.compile(rf"{re.escape(HEAD)}(?P<rows>(?:\|.*\n)+)")


def groups() -> dict[str, list[str]]:
    """Each group of the configuration with its choices, in alphabetical order."""
    found: dict[str, set[str]] = {}
    for file in config_dir().glob("*/**/*.yaml"):
        found.setdefault(file.parent.relative_to(config_dir()).as_posix(), set()).add(file.stem)
    for group, classes in discover().items():
        found.setdefault(group, set()).update(classes)
    return {group: sorted(choices - {"base"}) for group, choices in sorted(found.items())}


def table(page: str) -> str:
    """The rows as they should stand in ``page``, from which the middle column is taken."""
    match = _TABLE.search(page)
    cells = [
        [cell.strip() for cell in row.split("|")[1:-1]] for row in (match["rows"] if match else "").splitlines()
    ]
    chooses = {group.strip("`"): words for group, words, _ in cells}
    return HEAD + "".join(
        f"| `{group}` | {chooses.get(group, '?')} | "
        f"{', '.join([f'`{choice}`' for choice in choices] + ['your own'] * (group in OWN))} |\n"
        for group, choices in groups().items()
    )


def main() -> None:
    """Write the table; a group that is new there has a question mark to be replaced by words."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: table(page), page), encoding="utf-8")


if __name__ == "__main__":
    main()
