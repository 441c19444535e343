"""Mixing two models: ``python -m esrgan_train.interpolate A B --weight 0.5 -o OUT``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from esrgan_train import __version__
from esrgan_train.arguments import number
from esrgan_train.bounds import Fraction
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.classes import all_options, identified
from esrgan_train.modelfiles.field import alike
from esrgan_train.modelfiles.finite import check_finite
from esrgan_train.modelfiles.weights import ModelFile, load_weights, published_form, save_model

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Write weight · A + (1 − weight) · B for each weight."""
    options = _parser().parse_args(arguments)
    targets = _plan_outputs(options.output, options.weight, (options.a, options.b))
    a, b = (_in_published_form(load_weights(path)) for path in (options.a, options.b))
    _check_pair(a, b)
    for model in (a, b):
        check_finite(model.state_dict, str(model.path))
    for target, weight in targets.items():
        save_model(target, interpolate(a.state_dict, b.state_dict, weight), _metadata(a, b, weight))
        log.info("%g · %s + %g · %s → %s", weight, a.path, 1 - weight, b.path, target)
    return DONE


def interpolate(a: Mapping[str, Tensor], b: Mapping[str, Tensor], weight: float) -> dict[str, Tensor]:
    """Return weight · a + (1 − weight) · b for every tensor; tensors of whole numbers are those of ``a``.

    Two networks can be mixed if one was trained from the other, or both from a third. A weight of 1
    gives ``a`` and 0 gives ``b``, bit for bit. Wang et al., "Deep Network Interpolation for Continuous Imagery
    Effect Transition", CVPR 2019.
    """
    if weight in (0, 1):
        return dict(a if weight else b)
    return {
        name: weight * tensor + (1 - weight) * b[name] if tensor.is_floating_point() else tensor
        for name, tensor in a.items()
    }


def _in_published_form(model: ModelFile) -> ModelFile:
    """The same model with its class and options, and with PReLU slopes if it is a compact one."""
    model = identified(model)
    named = {"arch": model.arch, "target": model.target, "options": model.options}
    state_dict, metadata = published_form(model.state_dict, model.metadata | named)
    options = metadata["options"]
    assert isinstance(options, dict)
    return replace(model, state_dict=state_dict, options=options, metadata=metadata)


def _check_pair(a: ModelFile, b: ModelFile) -> None:
    differences = []
    classes = (a.arch or a.target, b.arch or b.target)
    if None not in classes and classes[0] != classes[1]:
        differences.append(f"architecture {classes[0]} and {classes[1]}")
    first, second = all_options(a), all_options(b)
    differences += [
        f"{name} {first[name]} and {second[name]}"
        for name in first
        if name in second and not alike(first[name], second[name])
    ]
    if not differences:  # otherwise these explain why the weights differ
        one, two = ({name: tuple(t.shape) for name, t in model.state_dict.items()} for model in (a, b))
        differences = [
            *(f"{name} only in the first" for name in one if name not in two),
            *(f"{name} only in the second" for name in two if name not in one),
            *(f"{name} {one[name]} and {two[name]}" for name in one if two.get(name, one[name]) != one[name]),
        ]
    if differences:
        more = f" and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise UserError(
            f"{a.path} and {b.path} cannot be mixed: {', '.join(differences[:5])}{more}; "
            "give two models of which one was trained from the other"
        )


def _plan_outputs(output: Path, weights: Sequence[float], sources: Sequence[Path]) -> dict[Path, float]:
    """Which file gets which weight: ``output`` itself, or with several weights ``<name>_<weight>``."""
    if output.suffix.lower() not in (".pth", ".safetensors"):
        raise UserError(f"-o {output} must end in .pth or .safetensors: a mixture is a model to use")
    targets: dict[Path, float] = {}
    for weight in weights:
        several = f"{output.stem}_{weight:g}{output.suffix}"
        target = output.with_name(several) if len(weights) > 1 else output
        if target in targets:
            raise UserError(f"--weight {weight:g} is given twice, both for {target}: give each once")
        if target.resolve() in [source.resolve() for source in sources]:
            raise UserError(f"-o {target} would replace a model that is mixed: give another name")
        targets[target] = weight
    return targets


def _metadata(a: ModelFile, b: ModelFile, weight: float) -> dict[str, Any]:
    named = a if a.arch or a.target else b
    shares = ((weight, a), (1 - weight, b))
    return {
        "arch": named.arch,
        "target": named.target,
        "options": named.options,
        "upscale": a.metadata.get("upscale", b.metadata.get("upscale", named.options.get("upscale"))),
        **{name: named.metadata[name] for name in ("colour",) if name in named.metadata},
        "version": __version__,
        "mixed_from": [{"weight": part, "file": model.path.name, **model.metadata} for part, model in shares],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.interpolate"),
        description="Mix two models of one network: OUT = weight·A + (1-weight)·B.",
    )
    add = parser.add_argument
    add("a", type=Path, metavar="A", help=".pth, .safetensors or .ckpt")
    add("b", type=Path, metavar="B", help="the same network, trained from A or as A was")
    weight = number(Fraction)  # beyond, a network is extrapolated, and often breaks
    add("--weight", required=True, nargs="+", type=weight, metavar="W", help="of A, in [0, 1]; one file each")
    add("-o", "--output", required=True, type=Path, metavar="OUT", help=".pth or .safetensors; its suffix decides")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
