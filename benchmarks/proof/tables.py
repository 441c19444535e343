"""The tables of held-out photographs: a pure function of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.proof.record import Record

NAMES = {
    "bicubic": "clean bicubic reduction",
    "light": "light degradation",
    "realesrgan": "published degradation",
}


@dataclass(frozen=True)
class Column:
    """A measure as a column."""

    measure: str
    title: str
    form: str  # of a figure
    limit: float | None = None  # the worst picture stays at or below it

    def cell(self, values: Sequence[float]) -> str:
        """The mean; of a measure with a limit the worst picture's too."""
        if not values:
            return "–"
        mean = self.form.format(sum(values) / len(values))
        return mean if self.limit is None else f"{mean} ({self.form.format(max(values))})"


COLUMNS = (
    Column("psnr_y", "PSNR-Y (dB)", "{:.2f}"),
    Column("ssim_y", "SSIM-Y", "{:.4f}"),
    Column("niqe", "NIQE ↓", "{:.2f}"),
    Column("lpips", "LPIPS ↓", "{:.3f}"),
    Column("dists", "DISTS ↓", "{:.3f}"),
    Column("sharpness", "sharpness", "{:.2f}"),
    Column("flatness", "flat (worst)", "{:.1f}", limit=3.0),
    Column("colour", "colour (worst)", "{:.4f}", limit=0.005),
    Column("overshoot", "overshoot", "{:.1f}"),
    Column("grid", "grid", "{:.2f}"),
)
_SHARPNESS = next(column for column in COLUMNS if column.measure == "sharpness")
_LIMITED = [column for column in COLUMNS if column.limit is not None]


def heldout_section(record: Record) -> str:
    """The machine, the photographs, and a table for each scale and degradation, as Markdown."""
    rows = record["rows"]
    columns = [column for column in COLUMNS if any(row.get(column.measure) is not None for row in rows)]
    parts = [_head(record)]
    for scale in _distinct(rows, "scale"):
        of_scale = [row for row in rows if row["scale"] == scale]
        parts.append(f"### ×{scale}")
        parts.append("\n".join(f"- {_about(method)}" for method in record["methods"] if method["scale"] == scale))
        for degradation in _distinct(of_scale, "degradation"):
            chosen = [row for row in of_scale if row["degradation"] == degradation]
            draws = len({row["draw"] for row in chosen})
            drawn = f", {draws} draws a photograph" if draws > 1 else ""
            parts.append(f"×{scale}, {NAMES.get(degradation, degradation)} (`{degradation}`){drawn}:")
            parts.append(_table(chosen, columns))
        if stages := _stages(record, scale):
            parts += [f"What the GAN stage changes at ×{scale}, and what it must not:", stages]
    return "\n\n".join(parts)


def _stages(record: Record, scale: int) -> str | None:
    """Each model beside its pixel stage, where that was measured; whether the worst picture keeps the limits."""
    lines = _header(["model", "degradation", "PSNR-Y", "sharpness", *(f"{c.title}, limit" for c in _LIMITED)])
    rows = [row for row in record["rows"] if row["scale"] == scale]
    for name in _with_both_stages(record, scale):
        for degradation in _distinct(rows, "degradation"):
            before, after, bicubic = (
                [row for row in rows if (row["method"], row["degradation"]) == (method, degradation)]
                for method in (f"{name}_pixel", name, "bicubic")
            )
            cells = [_change(COLUMNS[0], before, after), _change(_SHARPNESS, before, after)]
            cells += [_verdict(column, after, bicubic) for column in _LIMITED]
            lines.append(f"| `{name}` | `{degradation}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else None


def _with_both_stages(record: Record, scale: int) -> list[str]:
    kinds = {method["name"]: method["kind"] for method in record["methods"] if method["scale"] == scale}
    return [name for name in kinds if kinds.get(f"{name}_pixel") == "pixel stage"]


def _change(column: Column, before: Sequence[Any], after: Sequence[Any]) -> str:
    return " → ".join(column.cell(_values(rows, column.measure)) for rows in (before, after))


def _verdict(column: Column, rows: Sequence[Any], bicubic: Sequence[Any]) -> str:
    """Whether the worst picture keeps the limit; where not, bicubic's too: a degradation alone may break it."""
    assert column.limit is not None
    values, baseline = (_values(each, column.measure) for each in (rows, bicubic))
    if not values:
        return "–"
    worst, limit = column.form.format(max(values)), f"{column.limit:g}"
    if max(values) <= column.limit:
        return f"{worst} ≤ {limit}: met"
    beside = f" (bicubic {column.form.format(max(baseline))})" if baseline else ""
    return f"{worst} > {limit}: **missed**{beside}"


def _header(titles: Sequence[str]) -> list[str]:
    return ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]


def _head(record: Record) -> str:
    machine = record["machine"]
    names = ", ".join(f"{each['name']} ({each['width']} × {each['height']})" for each in record["photographs"])
    lines = [
        f"    {record['command']}",
        f"{machine['date'][:10]}, commit {machine['commit']}, {machine['cores']} cores of {machine['cpu']}, torch "
        f"{machine['versions']['torch']}, {machine['seconds'] / 60:.0f} minutes. Photographs: {names}.",
        *(line[0].upper() + line[1:] for line in record["left_out"]),
    ]
    return "\n\n".join(lines)


def _about(method: Any) -> str:
    weights = f" (SHA-256 begins with `{method['digest']}`)" if "digest" in method else ""
    return f"`{method['name']}`: {method['about']}{weights}{_trained(method.get('training', {}))}"


def _trained(training: Mapping[str, Any]) -> str:
    """For how long, and on what, where the JSON beside the model says so."""
    if not {"seconds", "processor"} <= training.keys():
        return ""
    return f", trained for {training['seconds'] / 3600:.1f} hours on {training['processor']}"


def _table(rows: Sequence[Any], columns: Sequence[Column]) -> str:
    lines = [
        "| method | " + " | ".join(column.title for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for method in _distinct(rows, "method"):
        of_method = [row for row in rows if row["method"] == method]
        cells = [column.cell(_values(of_method, column.measure)) for column in columns]
        lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _values(rows: Sequence[Any], measure: str) -> list[float]:
    return [row[measure] for row in rows if row.get(measure) is not None]


def _distinct(rows: Sequence[Any], key: str) -> list[Any]:
    return list(dict.fromkeys(row[key] for row in rows))
