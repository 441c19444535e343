"""The entry of a model in OpenModelDB, the community's model database (openmodeldb.info).

Fields and rules are those of ``Model`` in src/lib/schema.ts, src/lib/model-props.ts and src/lib/schema-util.ts of
https://github.com/OpenModelDB/open-model-database (schema.ts of June 2026).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from esrgan_train.export.card.facts import Facts, Written
from esrgan_train.export.card.licences import is_known, spdx
from esrgan_train.export.targets import without_scale

# Tags of data/tags.json but for those that the database derives by itself.
TAGS = """
    ai-generated anime anti-aliasing cartoon cgi colorization compression-removal dds debanding deblur dedither
    dehalftone dehalo denoise faces game-screenshots game-textures general-upscaler inpainting jpeg manga photo
    pixel-art pretrained research restoration text texture-generation video-frame
"""
_RESOURCES = {".pth": "pytorch", ".safetensors": "pytorch", ".onnx": "onnx"}  # platforms; ncnn has no file type


def model_id(facts: Facts) -> str:
    """The id, which is the entry's file name: ``4x-Name``, of letters, digits and hyphens."""
    return f"{facts.scale}x-{_dashes(without_scale(facts.name), '[^A-Za-z0-9]') or 'unnamed'}"


def entry(facts: Facts) -> dict[str, Any]:
    """The entry as plain values, in the database's order; a required field that is unknown is missing or empty."""
    run, stated = facts.run, facts.stated
    authors = [name for name in (_lower_dashes(one, "[^a-z0-9]") for one in stated.author) if name]
    found = {
        "name": facts.name,
        "author": authors[0] if len(authors) == 1 else authors or None,
        "license": spdx(stated.licence) if stated.licence else None,
        "tags": [tag for tag in (_lower_dashes(one, "[^a-z0-9+]") for one in stated.tags) if tag],
        "description": (stated.description or summary(facts)).strip(),
        "date": facts.day.isoformat(),
        "architecture": facts.architecture[0] if facts.architecture else None,
        "size": facts.size or None,
        "scale": facts.scale,
        "inputChannels": facts.channels,
        "outputChannels": facts.channels,
        "resources": [_resource(file, facts) for file in facts.files if file.path.suffix in _RESOURCES],
        "trainingIterations": facts.iterations,
        "trainingBatchSize": run.batch if run else None,
        "trainingHRSize": run.hr_side if run else None,
        "trainingOTF": run.on_the_fly if run else None,
        "dataset": ", ".join(map(escaped, facts.dataset)) or None,
        "datasetSize": facts.photos,
        "pretrainedModelG": stated.pretrained_in_database,
        "images": [
            {"type": "paired", "LR": address(pictures["lr"], facts), "SR": address(pictures["sr"], facts)}
            for pictures in facts.pictures
            if stated.url
        ],
    }
    return {name: value for name, value in found.items() if value is not None or name in ("license", "size")}


def wanting(facts: Facts) -> list[str]:
    """What the database asks for and the entry does not hold, or holds otherwise than it knows, in words."""
    made, stated = entry(facts), facts.stated
    lacking = []
    if "author" not in made:
        lacking.append("author (--author, in Latin letters)" if stated.author else "author (--author)")
    if stated.licence is None:
        lacking.append("license (--licence)")
    elif not is_known(stated.licence):
        lacking.append(f"license (it does not know {stated.licence!r}; --licence CC-BY-4.0 and others it does)")
    if not made["tags"]:
        lacking.append("tags (--tags)")
    elif unknown := sorted(set(made["tags"]) - set(TAGS.split())):
        lacking.append(f"tags (it does not know {', '.join(unknown)})")
    if "architecture" not in made:
        lacking.append(f"architecture (it does not know {facts.network})")
    if not made["resources"]:
        lacking.append("resources (--format pth, safetensors or onnx)")
    elif stated.url is None:
        lacking.append("urls and images (--url)")
    return lacking


def summary(facts: Facts) -> str:
    """What the model does and how it was made, in a sentence of Markdown."""
    network = facts.architecture[1] if facts.architecture else facts.network
    pictures = "pictures" if facts.channels == 3 else "the luma of pictures"
    does = f"Restores {pictures} at their size" if facts.scale == 1 else f"Enlarges {pictures} ×{facts.scale}"
    made = [f"a {escaped(network)} network"]
    if facts.iterations:
        made.append(f"trained for {facts.iterations:,} iterations")
    if facts.photos:
        made.append(f"on {facts.photos:,} photos")
    return f"{does}: {' '.join(made)}."


def escaped(text: str) -> str:
    r"""Plain text as Markdown on one line: ``x4_prelu`` as ``x4\_prelu``."""
    return re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", " ".join(text.split()))


def address(name: str, facts: Facts) -> str:
    """Where a file of the folder will be found on the web."""
    return f"{(facts.stated.url or '').rstrip('/')}/{quote(name)}"


def _resource(file: Written, facts: Facts) -> dict[str, Any]:
    return {
        "platform": _RESOURCES[file.path.suffix],
        "type": file.path.suffix.removeprefix("."),
        "size": file.size,
        "sha256": file.sha256,
        "urls": [address(file.name, facts)] if facts.stated.url else [],
    }


def _lower_dashes(text: str, forbidden: str) -> str:
    return _dashes(text.lower(), forbidden)


def _dashes(text: str, forbidden: str) -> str:
    return re.sub(f"{forbidden}+", "-", text.strip()).strip("-")
