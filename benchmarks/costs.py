"""What an iteration costs: operations, traffic and gradients, counted by torch while it runs the training step.

The step runs on fake tensors, which have shapes but no values, and in channels-first order, in which a network
takes no short cut: what is counted is what a GPU computes. With ``cpu_kernels`` it runs on real tensors instead,
since the kernels that only a CPU takes keep tables of values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.ours import BareStep, make_module
from benchmarks.products import Product
from esrgan_train.errors import UserError
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

NO_PERCEPTUAL = "loss.perceptual.weight=0"
_REAL_SIDE = 64  # HR crop on which real tensors are counted; the networks' costs grow with the area


@dataclass(frozen=True)
class Cost:
    """Of one network in one iteration; all but the parameters per sample.

    Attributes:
        flops: multiplications and additions in products and convolutions, forward and backward.
        numbers: read or written by all operations that are not views, at the least.
        parameters: that are trained.
    """

    flops: float
    numbers: float
    parameters: int

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.flops - other.flops, self.numbers - other.numbers, self.parameters - other.parameters)


class Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's has no types
    """Adds up what runs inside it.

    The operations are those of torch's formulas. ``FlopCounterMode``, which wraps them, also follows modules,
    and its hooks fail under ``torch.autograd.grad``.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = 0
        self.products: Counter[Product] = Counter()

    @property
    def flops(self) -> int:
        """Of all products."""
        return sum(times * product.flops for product, times in self.products.items())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if (product := Product.of(func, args, kwargs, out)) is not None:
            self.products[product] += 1
        if func.namespace == "aten" and not func.is_view and "empty" not in func.__name__:
            moved = (leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor))
            self.numbers += sum(tensor.numel() for tensor in moved)
        return out


def iteration_costs(
    overrides: Sequence[str],
    *,
    gt_size: int,
    stage: StageName,
    perceptual: bool = False,
    cpu_kernels: bool = False,
) -> dict[str, Cost]:
    """The cost of each network, each being what an iteration costs more with it than without.

    Args:
        overrides: the configuration; both stages must be able to come.
        gt_size: side of the HR crop in pixels.
        stage: the pixel stage trains the generator alone.
        perceptual: whether VGG19 takes part in the GAN stage.
        cpu_kernels: whether to count what this CPU computes in float32, rather than a GPU.

    Raises:
        UserError: the networks do not run without values, see the message.
    """
    plain = (*overrides, NO_PERCEPTUAL)
    at: dict[str, Any] = {"gt_size": gt_size, "cpu_kernels": cpu_kernels}
    costs = {"generator": step_cost(plain, stage="pixel", **at)}
    if stage == "gan":
        both = step_cost(plain, stage="gan", **at)
        costs["discriminator"] = both - costs["generator"]
        if perceptual:
            costs["perceptual"] = (
                step_cost((*overrides, "loss.perceptual.features=random"), stage="gan", **at) - both
            )
    return costs


@cache
def step_cost(overrides: tuple[str, ...], *, stage: StageName, gt_size: int, cpu_kernels: bool) -> Cost:
    """The cost of one sample in an iteration: what two samples cost more than one, without what a batch shares."""
    side = min(gt_size, _REAL_SIDE) if cpu_kernels else gt_size
    module = counted_module(overrides, stage=stage, own_way=cpu_kernels)
    one, two = (count_step(module, side=side, batch_size=n, fake=not cpu_kernels) for n in (1, 2))
    area = (gt_size / side) ** 2
    trained = [player.network for player in module.step.active_players(done=0)]
    return Cost(
        flops=area * (two.flops - one.flops),
        numbers=area * (two.numbers - one.numbers),
        parameters=sum(p.numel() for network in trained for p in network.parameters()),
    )


def counted_module(
    overrides: Sequence[str], *, stage: StageName, own_way: bool, precision: str = "32"
) -> ESRGANModule:
    """A module whose first iteration is one of ``stage``.

    Args:
        own_way: in the order of memory in which the networks take the short cuts of a CPU.
    """
    order = f"training.channels_last={str(own_way).lower()}"
    # Both stages exist, whichever is counted, so that nothing else differs between their modules.
    start = f"loss.adversarial.start_step={500 if stage == 'pixel' else 0}"
    return make_module([*overrides, order, start, "trainer.max_steps=1000", f"trainer.precision={precision}"])


def count_step(module: ESRGANModule, *, side: int, batch_size: int, fake: bool) -> Counted:
    """One iteration on crops of ``side`` HR pixels; ``fake`` computes shapes alone.

    Raises:
        UserError: the networks do not run without values.
    """
    mode = FakeTensorMode()
    with FakeCopyMode(mode) if fake else nullcontext():
        module = deepcopy(module)
    with mode if fake else nullcontext():
        step = BareStep(module)
        hr = torch.zeros(batch_size, 3, side, side)
        lr = torch.zeros(batch_size, 3, side // module.upscale, side // module.upscale)
        counted = Counted()
        with counted:
            try:
                step.step({"lr": lr, "hr": hr, "hr_target": hr})
            except (RuntimeError, NotImplementedError) as error:
                reason = " ".join(str(error).split())
                raise UserError(
                    f"generator={type(module.generator).__name__} cannot be counted, since it needs values and "
                    f"not only shapes: {type(error).__name__}: {reason[:200]}"
                ) from error
    return counted
