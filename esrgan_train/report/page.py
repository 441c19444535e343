"""The page: one HTML file of runs, with everything in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

import esrgan_train
from esrgan_train.callbacks.summary import score_lines
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.report.charts import charts_of
from esrgan_train.report.folder import RunFolder
from esrgan_train.report.pictures import data_url, drawn, fitting, shared_photos
from esrgan_train.report.script import plotly_script, policy_source
from esrgan_train.report.settings import comparison, differences

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = "report.html"
LIMIT = 15_000_000  # bytes of a page
_TEMPLATES = Path(__file__).parent / "templates"
_MOST_PAIR_BYTES = 1_500_000
_MARGIN = 5000  # bytes of what comes with pictures: their controls, names and what is left out


def write_page(path: Path, runs: Sequence[RunFolder], *, ended: str | None = None) -> None:
    """Write the page of ``runs``; ``ended`` says why a run has ended early, where its log does not say it yet.

    Raises:
        UserError: there is nothing to show.
        OSError: the disk does not take it.
    """
    content = page_of(runs, ended=ended).encode(errors="replace")  # a file's name may hold bytes that are no text
    with replacing(path) as partial:
        partial.write_bytes(content)


def page_of(runs: Sequence[RunFolder], *, ended: str | None = None, live: str | None = None) -> str:
    """The page of ``runs``, less than 15 MB; a live one asks its server for another state than ``live``.

    Raises:
        UserError: there is nothing to show.
    """
    if all(run.is_empty for run in runs):
        names = ", ".join(str(run.path) for run in runs)
        raise UserError(f"{names}: nothing to show yet, neither metrics.csv nor previews/crops")
    context = _context(runs, ended=ended, live=live is not None)
    data: dict[str, Any] = {"photos": [], "charts": charts_of(runs), "live": live}
    room = LIMIT - len(_render(context, data, []).encode(errors="replace")) - _MARGIN
    photos, left_out = fitting(shared_photos(runs), room)
    data["photos"] = [drawn(photo, several=len(runs) > 1) for photo in photos]
    return _render(context, data, left_out)


def _context(runs: Sequence[RunFolder], *, ended: str | None, live: bool) -> dict[str, Any]:
    plotly, script = plotly_script(), _file("page.js")
    return {
        "title": " and ".join(f"{run.config.experiment} ({run.name})" for run in runs[:3])
        + (f" and {len(runs) - 3} more" if len(runs) > 3 else ""),
        "runs": [_run(run, ended, _MOST_PAIR_BYTES // len(runs)) for run in runs],
        "comparison": comparison(runs) if len(runs) > 1 else None,
        "plotly": plotly.packed,
        "script": script,
        "style": _file("page.css"),
        "policy": "; ".join([
            "default-src 'none'",
            "img-src data: blob:",
            "style-src 'unsafe-inline'",  # Plotly's styles
            f"script-src {policy_source(script)} {plotly.source}",
            f"connect-src {chr(39)}{'self' if live else 'none'}{chr(39)}",
            "base-uri 'none'; form-action 'none'",
        ]),
        "version": esrgan_train.__version__,
        "live": live,
    }  # fmt: skip


def _run(run: RunFolder, ended: str | None, room: int) -> dict[str, Any]:
    last = int(run.config.trainer.max_steps)
    start, stages = run.summary.get("start", {}), run.summary.get("stages", {})
    return {
        "name": run.name,
        "folder": str(run.path),
        "experiment": run.config.experiment,
        "recipe": run.config.recipe.name,
        "progress": f"{run.iterations:,} of {last:,} iterations",
        "done": run.iterations >= last,
        "ended": ended,
        "scores": score_lines(start, stages) if stages else None,
        "best": run.summary.get("best", {}),
        "summary": {name: value for name, value in run.summary.items() if not isinstance(value, dict)},
        "origin": run.origin,
        "pairs": _pairs(run, room),
        "differences": differences(run.config),
        "config": OmegaConf.to_yaml(run.config),
        "messages": run.messages,
    }


def _pairs(run: RunFolder, room: int) -> list[tuple[str, str]]:
    """Addresses of LR and HR crops, as many as ``room`` bytes hold."""
    found: list[tuple[str, str]] = []
    for lr, hr in run.pairs:
        room -= lr.stat().st_size + hr.stat().st_size
        if room < 0:
            break
        found.append((data_url(lr), data_url(hr)))
    return found


def _render(context: dict[str, Any], data: dict[str, Any], left_out: list[str]) -> str:
    return _environment().get_template("page.html").render(**context, data=data, left_out=left_out)


@cache
def _environment() -> Environment:
    """Every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
