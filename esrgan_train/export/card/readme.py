"""README.md of an exported model: front matter for the Hugging Face Hub, and a page for people.

Front matter: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

import yaml

from esrgan_train.export.card.facts import Facts
from esrgan_train.export.card.licences import on_hub, spdx
from esrgan_train.export.card.openmodeldb import escaped, summary
from esrgan_train.export.card.stated import NOT_STATED

_COLUMNS = {"lr": "LR", "bicubic": "before: bicubic", "sr": "after: this model", "hr": "the original"}
_WIDTH = 220  # of a picture on the page, in pixels: four fit beside each other
_SCORES = {"psnr": ("PSNR", " dB", 2), "ssim": ("SSIM", "", 4), "psnr_y": ("PSNR-Y", " dB", 2)} | {
    "ssim_y": ("SSIM-Y", "", 4), "psnr_clean": ("PSNR, clean LR", " dB", 2),
    "ssim_clean": ("SSIM, clean LR", "", 4),
    "lpips": ("LPIPS", "", 4), "dists": ("DISTS", "", 4), "niqe": ("NIQE", "", 2)
}  # fmt: skip
_LIBRARIES = {".pth": "pytorch", ".safetensors": "pytorch", ".onnx": "onnx", ".param": "ncnn"}


def readme(facts: Facts) -> str:
    """The whole page."""
    front = yaml.safe_dump(front_matter(facts), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n".join(_page(facts))


def front_matter(facts: Facts) -> dict[str, Any]:
    """What the Hub reads; what is unknown is left out."""
    stated = facts.stated
    libraries = [_LIBRARIES[file.path.suffix] for file in facts.files if file.path.suffix in _LIBRARIES]
    architecture = [facts.architecture[0]] if facts.architecture else []
    found = {
        **(on_hub(stated.licence) if stated.licence else {}),
        "library_name": libraries[0] if libraries else None,
        "pipeline_tag": "image-to-image",
        "tags": list(dict.fromkeys(["super-resolution", f"{facts.scale}x", *architecture, *stated.tags])),
        "base_model": stated.on_hub(stated.pretrained),
        "datasets": stated.on_hub(stated.dataset),
    }
    return {name: value for name, value in found.items() if value}


def _page(facts: Facts) -> Iterator[str]:
    yield from (f"# {escaped(facts.name)}", "")
    if facts.stated.description:
        yield from (facts.stated.description.strip(), "")
    yield from (summary(facts), "")
    if facts.pictures:
        yield from _pictures(facts)
    yield from ("## The model", "")
    yield from _table(["", ""], _about(facts))
    if facts.run and facts.run.scores:
        yield from _measured(facts)
    yield from _files(facts)
    yield from _use(facts)


def _pictures(facts: Facts) -> Iterator[str]:
    after = f"after {facts.shown_after:,} iterations"
    yield from (f"Parts of photos that were held out of the training, {after}:", "")
    cells = (
        [
            f'<img src="{name}" alt="photo {number}, {_COLUMNS[kind]}" width="{_WIDTH}">'
            for kind, name in row.items()
        ]
        for number, row in enumerate(facts.pictures, start=1)
    )
    yield from _table(list(_COLUMNS.values()), cells)


def _about(facts: Facts) -> Iterator[tuple[str, str]]:
    stated, run, said = facts.stated, facts.run, facts.metadata
    yield "author", ", ".join(map(escaped, stated.author)) or NOT_STATED
    yield "licence", escaped(spdx(stated.licence) or stated.licence) if stated.licence else NOT_STATED
    yield "network", _network(facts)
    yield "scale", f"×{facts.scale}"
    yield "pictures", "RGB" if facts.channels == 3 else "one channel: gray, or luma beside enlarged colours"
    yield "trained on", _trained_on(facts)
    yield "iterations", f"{facts.iterations:,}" if facts.iterations else NOT_STATED
    if run and run.batch and run.hr_side:
        yield "batch", f"{run.batch} crops of {run.hr_side} × {run.hr_side} HR pixels"
    if run:
        yield "LR", "made from HR during training" if run.on_the_fly else "given with HR"
    yield "started from", ", ".join(map(escaped, stated.pretrained)) or _start(facts)
    if run and run.teacher:
        yield "teacher", escaped(run.teacher)
    for name, title in (("chosen", "weights"), ("experiment", "experiment"), ("config_hash", "configuration")):
        if name in said:
            yield title, escaped(str(said[name]))
    if "version" in said:
        yield "made with", escaped(f"esrgan_train {said['version']}")
    yield "exported", escaped(f"{facts.day.isoformat()} with {said['exported_by']}")


def _network(facts: Facts) -> str:
    options = ", ".join(f"{name}={value}" for name, value in facts.options.items())
    known = f"{escaped(facts.architecture[1])}: " if facts.architecture else ""
    return (
        f"{known}{escaped(facts.network)}({escaped(options)})" if options else f"{known}{escaped(facts.network)}"
    )


def _trained_on(facts: Facts) -> str:
    count = f"{facts.photos:,} photos" if facts.photos else ""
    return ", ".join([part for part in (*map(escaped, facts.dataset), count) if part]) or NOT_STATED


def _start(facts: Facts) -> str:
    if isinstance(mixed := facts.metadata.get("mixed_from"), list):
        shares = (share for share in mixed if isinstance(share, dict))
        return " + ".join(escaped(f"{share.get('weight')} × {share.get('file')}") for share in shares)
    if facts.run is None:
        return NOT_STATED
    return escaped(facts.run.start) if facts.run.start else "scratch"


def _measured(facts: Facts) -> Iterator[str]:
    assert facts.run is not None
    scores = facts.run.scores
    yield from ("## On held-out photos", "")
    rows = []
    for name, (title, unit, digits) in _SCORES.items():
        if name in scores:
            bicubic = scores.get(f"{name}_bicubic")
            shown = "" if bicubic is None else f"{bicubic:.{digits}f}{unit}"
            rows.append([title, f"{scores[name]:.{digits}f}{unit}", shown])
    yield from _table(["", "this model", "bicubic"], rows)


def _files(facts: Facts) -> Iterator[str]:
    yield from ("## Files", "")
    rows = [
        [f"[{escaped(f.name)}]({quote(f.name)})", f.label, f"{f.size:,}", f"`{f.sha256}`"] for f in facts.files
    ]
    yield from _table(["file", "format", "bytes", "SHA-256"], rows)
    yield from (
        f"- {verdict.label}: run by {escaped(verdict.engine)}; the largest difference from PyTorch is "
        f"{verdict.difference:.1e}, of values in [0,1]."
        for verdict in facts.verdicts
    )


def _use(facts: Facts) -> Iterator[str]:
    weights = [file.name for file in facts.files if file.path.suffix in (".safetensors", ".pth")]
    if weights:
        yield from ("", "## Use", "", f"    python -m esrgan_train.upscale PHOTO -o OUT --model {weights[0]}", "")
    if any(verdict.engine.startswith("spandrel") for verdict in facts.verdicts):
        yield "Programs that open models with spandrel, such as chaiNNer, take the file as it is."
    yield from ("", "")


def _table(heads: list[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
