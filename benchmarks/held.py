"""What an iteration holds in memory at once, counted while torch runs the training step without values."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from benchmarks.costs import NO_PERCEPTUAL, counted_module
from benchmarks.ours import BareStep
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

_SAMPLES = 8  # with fewer, the peak may be the optimizers', who hold nothing of a sample


class Held(NamedTuple):
    """Bytes at the peak of an iteration: those that each sample adds, and the others, weights among them."""

    per_sample: float
    fixed: float

    def bytes(self, samples: int) -> float:
        """Of a pass of that many samples."""
        return self.fixed + samples * self.per_sample


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's has no types
    """Follows the bytes of all tensors that come to be inside it, until nothing holds them any more."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._meet(leaf.untyped_storage())
        return out

    def _meet(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known[storage] = True
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, size: int) -> None:
        self.now -= size


@cache
def held_by(overrides: Sequence[str], *, gt_size: int, stage: StageName, perceptual: bool) -> Held:
    """What the second iteration holds in bf16, when the optimizers have their moments; in parts if it accumulates.

    Args:
        overrides: the configuration; both stages must be able to come.
        gt_size: side of the HR crop in pixels.
        stage: the pixel stage trains the generator alone.
        perceptual: whether VGG19 takes part in the GAN stage.
    """
    features = "loss.perceptual.features=random" if perceptual and stage == "gan" else NO_PERCEPTUAL
    module = counted_module((*overrides, features), stage=stage, own_way=False, precision="bf16")
    given = sum(p.numel() * p.element_size() for p in module.parameters())
    few, twice = (_peak(module, side=gt_size, batch_size=n * _SAMPLES) for n in (1, 2))
    return Held(per_sample=(twice - few) / _SAMPLES, fixed=given + 2 * few - twice)


def _peak(module: ESRGANModule, *, side: int, batch_size: int) -> int:
    mode = FakeTensorMode()
    live = Live()
    with FakeCopyMode(mode):
        module = deepcopy(module)
    with mode:
        step = BareStep(module)
        small = side // module.upscale
        with live:
            hr, target = (torch.zeros(batch_size, 3, side, side) for _ in range(2))
            batch = {"lr": torch.zeros(batch_size, 3, small, small), "hr": hr, "hr_target": target}
            for _ in range(2):
                step.step(batch)
    return live.peak
