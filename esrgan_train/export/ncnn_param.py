"""The text of ncnn's ``.param`` files: a magic number, two counts, and one line per layer."""

from __future__ import annotations

from collections.abc import Mapping

MAGIC = "7767517"


def rename_blobs(text: str, names: Mapping[str, str]) -> str:
    """Rename blobs (the values between layers), wherever they are written or read, and nothing else.

    A line is: type, name, number of inputs, number of outputs, the inputs, the outputs, ``key=value`` entries.
    An Input layer, which bears its blob's name, is renamed too.

    Args:
        text: a whole ``.param`` file.
        names: from present to new names.

    Raises:
        ValueError: this is no ``.param`` file, a blob is not there, or a new name is taken.
    """
    lines = text.splitlines()
    if len(lines) < 3 or lines[0].strip() != MAGIC:
        raise ValueError("no ncnn .param file")
    written: list[str] = []
    out = lines[:2]
    for line in lines[2:]:
        if not line.strip():
            continue
        kind, layer, inputs, outputs, *rest = line.split()
        first_output, end = int(inputs), int(inputs) + int(outputs)
        written += rest[first_output:end]
        blobs = [names.get(blob, blob) for blob in rest[:end]]
        layer = names.get(layer, layer) if kind == "Input" else layer
        out.append(" ".join([f"{kind:<24} {layer:<24} {inputs} {outputs}", *blobs, *rest[end:]]))
    for old, new in names.items():
        if written.count(old) != 1 or new in written:
            raise ValueError(f"blob {old} cannot be renamed to {new}: the network has {' '.join(written)}")
    return "\n".join(out) + "\n"
