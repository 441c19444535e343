"""The page of a starter model: that of an export, how the model was made, and whose photographs it saw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from esrgan_train.export.card.facts import Facts
from esrgan_train.export.card.readme import readme


def card(facts: Facts, record: dict[str, Any], licences: str, note: str | None) -> str:
    """Markdown; ``licences`` is the page that goes with the photographs, ``note`` what else there is to say."""
    photographs = licences.partition("\n")[2].strip()
    lines = [
        readme(facts).rstrip(),
        "",
        *_made(record, note),
        *_beginning(record),
        "## The photographs",
        "",
        photographs,
    ]
    return "\n".join([*lines, ""])


def _made(record: dict[str, Any], note: str | None) -> Iterator[str]:
    stages, versions = record["iterations"], record["versions"]
    yield from ("## How it was made", "", f"    {record['command']}", "")
    yield "on the photographs that `make photos` fetches and on nothing else. Their licences stand below."
    facts = {
        "commit": f"`{record['commit']}`",
        "seed": record["seed"],
        "iterations": f"{stages['pixel']:,} with the pixel loss, {stages['gan']:,} with all losses",
        "wall time": f"{timedelta(seconds=round(record['seconds']))} ({record['samples_per_second']:g} samples/s)",
        "processor": f"{record['processor']}, {record['threads']} thread{'s' * (record['threads'] != 1)}",
        "precision": record["precision"],
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    yield from ("", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items()), "")
    if note is not None:
        yield from (note, "")


def _beginning(record: dict[str, Any]) -> Iterator[str]:
    beginning, name = record["beginning"], record["name"]
    yield from ("## Its beginning", "", f"After {beginning['iterations']} iterations the command logs", "")
    yield from ("| | |", "|---|---|", *(f"| `{name}` | {value} |" for name, value in beginning["figures"].items()))
    yield ""
    yield (
        f"`python -m tests.starters.beginning {name}`, in a checkout, starts it again and compares: every digit "
        "on the same kind of processor; on others all but the norm of the gradient, to 1e-3."
    )
    yield ""
