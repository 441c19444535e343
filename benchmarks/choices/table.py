"""The table in docs/results.md, from the file of results alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean

from benchmarks.choices.choice import BASE, Choice, Comparison
from benchmarks.choices.measured import Measured, Record

FIGURES = ("psnr_y", "psnr_clean")

MINUS = "\N{MINUS SIGN}"
_HEADINGS = (
    "| row | options | s/iteration | everyday, dB | over the base | clean, dB | over the base |",
    "|---|---|---|---|---|---|---|",
)


def section_of(measured: Measured | None, comparison: Comparison) -> str:
    """All between the markers: the table, on what it was measured, and which rows are missing."""
    if measured is None or not (base := measured.of(BASE)):
        return "No row is measured yet."
    there = {name: runs for name in comparison.choices if (runs := measured.of(name)).keys() & base.keys()}
    lines = [*_HEADINGS, _bicubic_line(next(iter(base.values())))]
    lines += [_line(comparison.choices[name], runs, base) for name, runs in there.items()]
    missing = [f"`{name}`" for name in comparison.choices if name not in there]
    paragraphs = ["\n".join(lines), _circumstances(measured, there)]
    if missing:
        paragraphs.append(f"Not measured yet: {', '.join(missing)}.")
    return "\n\n".join(paragraphs)


def _bicubic_line(any_run: Record) -> str:
    everyday, clean = (f"{any_run.figures[f'{name}_bicubic']:.2f}" for name in FIGURES)
    return f"| bicubic enlargement | | | {everyday} | | {clean} | |"


def _line(choice: Choice, runs: Mapping[int, Record], base: Mapping[int, Record]) -> str:
    seconds = mean(run.seconds_per_iteration for run in runs.values())
    cells = [f"`{choice.name}`: {choice.what}", " ".join(f"`{option}`" for option in _shown(choice))]
    cells.append(f"{seconds:.3f}")
    for name in FIGURES:
        values = {seed: run.figures[name] for seed, run in runs.items()}
        gains = [values[seed] - base[seed].figures[name] for seed in values if seed in base]
        cells += [_spread(list(values.values())), "" if choice.name == BASE else _spread(gains, signed=True)]
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _shown(choice: Choice) -> list[str]:
    return [option.format(model=f"the model of {choice.needs}") for option in choice.options]


def _spread(values: Sequence[float], *, signed: bool = False) -> str:
    """The mean, and half the distance between the smallest and the largest."""
    sign = "+" if signed else ""
    text = f"{mean(values):{sign}.2f}".replace("-", MINUS)
    return text if len(values) == 1 else f"{text} ± {(max(values) - min(values)) / 2:.2f}"


def _circumstances(measured: Measured, rows: Mapping[str, Mapping[int, Record]]) -> str:
    runs = [run for each in rows.values() for run in each.values()]
    settings = measured.settings
    threads = f"{settings.threads} thread{'s' if settings.threads > 1 else ''}"
    parts = [
        f"{settings.iterations:,} iterations each",
        f"seeds {_all(sorted({run.seed for run in runs}))}",
        f"{threads} of {_all(run.machine['cpu'] for run in runs)}",
        f"at most {max(run.side_by_side for run in runs)} at a time",
        f"precision {_all(run.precision for run in runs)}",
        f"torch {_all(run.machine['versions']['torch'] for run in runs)}",
        *(f"`{override}`" for override in settings.overrides),
    ]
    return f"{'; '.join(parts)}."


def _all(values: Iterable[object]) -> str:
    """Each different value once, in the order in which they come."""
    return ", ".join(dict.fromkeys(map(str, values)))
