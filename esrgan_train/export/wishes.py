"""What a command line asks for: the variants of ``--format`` or ``--target``, with its own changes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from esrgan_train.errors import UserError
from esrgan_train.export.targets import Target
from esrgan_train.export.variants import DEFAULTS, Variant


def variants_of(formats: Iterable[str] | None, target: Target | None) -> list[Variant]:
    """What is written, format by format: for a program, or in every format or those given."""
    if target is not None:
        return sorted(target.files, key=lambda variant: list(DEFAULTS).index(variant.format))
    return [variant for name in formats or DEFAULTS for variant in DEFAULTS[name]]


def changed(
    variants: Sequence[Variant], *, opset: int | None, size: tuple[int, int] | None, fp32: bool
) -> list[Variant]:
    """The variants with ``--opset``, ``--static`` and ``--fp32`` applied.

    Raises:
        UserError: an option has no effect, or leaves nothing to write.
    """
    for option, value in (("--opset", opset), ("--static", size)):
        if value is not None and not any(variant.format == "onnx" for variant in variants):
            raise UserError(f"{option} has no effect without ONNX among what is written: leave it out")
    kept = list(dict.fromkeys(_changed(variants, opset, size, fp32)))
    if not kept:
        raise UserError("--fp32 leaves nothing to write, since all of it is float16: leave it out")
    return kept


def height_and_width(text: str) -> tuple[int, int]:
    """A ``type=`` for argparse: ``HxW`` in pixels."""
    found = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: give height x width in pixels, such as 540x960")
    return int(found[1]), int(found[2])


def _changed(
    variants: Sequence[Variant], opset: int | None, size: tuple[int, int] | None, fp32: bool
) -> Iterator[Variant]:
    for variant in variants:
        if variant.format == "onnx":
            if fp32 and variant.is_half:
                continue
            yield replace(
                variant,
                opset=variant.opset if opset is None else opset,
                batch=variant.batch if size is None else 1,
                size=variant.size if size is None else size,
            )
        else:
            yield replace(variant, weights="float32") if fp32 else variant
