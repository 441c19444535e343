"""docs/options.md, made from the annotations that check options: ``python -m tests.options_table``."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from esrgan_train.bounds import in_words, shown
from esrgan_train.checks.options import groups, hints_in
from esrgan_train.checks.tree import join
from esrgan_train.config import compose_config

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
HEAD = """# Options

Every option with `data=folder`, what it takes, and its default. Other choices of a group
([configuration.md](configuration.md)) bring other options. `${…}` is the value of another option, and those of the
recipe differ between a first look and the real thing. The files in `conf/` say what each option does.

| option | takes | default |
|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    cfg = compose_config(["data=folder"])
    rows = [
        f"| `{join(name, key)}` | {in_words(hint).replace('<', '&lt;')} | {_default(node, key)} |\n"
        for name, node, kind in groups(cfg)
        for key, hint in hints_in(name, node, kind).items()
        if key in node.keys() and not _is_set_elsewhere(name, node, key)  # noqa: SIM118 — `in` is false for ???
    ]
    return HEAD + "".join(rows)


def _is_set_elsewhere(name: str, node: DictConfig, key: str) -> bool:
    """Whether it is built from options of its own, or hands on an option of the same name."""
    raw = OmegaConf.to_container(node)[key]  # type: ignore[call-overload, index]
    if isinstance(raw, dict) and "_target_" in raw:
        return True
    handed_on = isinstance(raw, str) and raw.startswith("${") and raw.endswith((f".{key}}}", f"{{{key}}}"))
    return handed_on and not raw.startswith("${recipe.") and not name.startswith("optimizer.")


def _default(node: DictConfig, key: str) -> str:
    raw = OmegaConf.to_container(node)[key]  # type: ignore[call-overload, index]
    if raw == "???":
        return "has to be given"
    if isinstance(raw, str) and raw.startswith("${") and ":" in raw:
        return "depends on others"
    return f"`{shown(raw)}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
