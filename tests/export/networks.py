"""Small networks of the kinds that other programs run, and what each format makes of them.

``python -m tests.export.networks`` exports each and prints the table in docs/export.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from spandrel.architectures.FDAT import FDAT
from spandrel.architectures.MoSR import MoSR
from spandrel.architectures.PLKSR import RealPLKSR
from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet4x
from spandrel.architectures.SAFMN import SAFMN
from spandrel.architectures.SPAN import SPAN
from torch import nn

from esrgan_train.archs.folding import weights_to_save
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.export.apart import make_apart
from esrgan_train.export.formats import FORMATS, FormatError, Request
from esrgan_train.export.variants import DEFAULTS
from esrgan_train.export.verification import Verdict
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.weights import save_model

# As published, but for width and depth.
NETWORKS: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "srvgg": (SRVGGNetCompact, {"num_feat": 8, "num_conv": 2, "upscale": 4}),
    "span x2": (SPAN, {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 2}),
    "span x4": (SPAN, {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 4, "norm": False}),
    "realplksr x2": (RealPLKSR, {"dim": 16, "n_blocks": 1, "upscaling_factor": 2}),
    "realplksr x4": (RealPLKSR, {"dim": 16, "n_blocks": 1, "upscaling_factor": 4, "layer_norm": True}),
    "mosr x2": (MoSR, {"dim": 16, "n_block": 1, "upscale": 2}),
    "mosr x4": (MoSR, {"dim": 16, "n_block": 1, "upscale": 4, "upsampler": "gps"}),
    "safmn x2": (SAFMN, {"dim": 8, "n_blocks": 1, "upscaling_factor": 2}),
    "safmn x4": (SAFMN, {"dim": 8, "n_blocks": 1, "upscaling_factor": 4}),
    "realcugan x2": (UpCunet2x, {}),
    "realcugan x4": (UpCunet4x, {}),
    "fdat x2": (FDAT, {"scale": 2, "embed_dim": 24, "num_groups": 1, "depth_per_group": 1, "num_heads": 2}),
    "fdat x4": (FDAT, {"scale": 4, "embed_dim": 24, "num_groups": 1, "depth_per_group": 1, "num_heads": 2}),
}
# By which formats; all others take them.
REFUSED = {(f"{name} {scale}", "ncnn") for name in ("safmn", "realcugan", "fdat") for scale in ("x2", "x4")}


def write_network(name: str, folder: Path) -> tuple[nn.Module, Path]:
    """A network, its weights stirred since some start at 0, and its model file."""
    cls, options = NETWORKS[name]
    torch.manual_seed(0)
    network = cls(**options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    path = folder / f"{name.replace(' ', '_')}.pth"
    save_model(path, weights_to_save(network), {**name_of(network), "options": options})
    return network.eval(), path


def exported(name: str, kind: str, folder: Path) -> Iterator[Verdict]:
    """What one format makes of a network; ``FormatError`` if it refuses."""
    _, path = write_network(name, folder)
    yield from make_apart(request_for(path, kind, folder, f"{path.stem}_{kind}"))


def request_for(model: Path, kind: str, folder: Path, name: str) -> Request:
    """A request for one format as it is without a target."""
    return Request(variants=DEFAULTS[kind], model=model, folder=folder, name=name, metadata={})


def table(folder: Path) -> Iterator[str]:
    """The lines of the table: the larger difference of each format's files, or a dash."""
    yield f"| network | {' | '.join(FORMATS)} |"
    yield f"|---|{'---|' * len(FORMATS)}"
    for name in NETWORKS:
        cells = [_cell(name, kind, folder) for kind in FORMATS]
        yield f"| {name} | {' | '.join(cells)} |"


def _cell(name: str, kind: str, folder: Path) -> str:
    try:
        verdicts = list(exported(name, kind, folder))
    except FormatError:
        return "–"
    assert all(verdict.passed for verdict in verdicts), verdicts
    return "yes"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for line in table(Path(place)):
            print(line, flush=True)
