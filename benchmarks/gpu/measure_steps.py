"""How fast an iteration is on a batch that is there already, beside its convolutions alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu.figure import Figure, Goal
from benchmarks.gpu.part import Measurement, Setting
from benchmarks.gpu.published import beside, published_step
from benchmarks.gpu.subjects import MAX_STEPS, UPSCALE, make_step
from benchmarks.gpu.timing import seconds_back_to_back
from benchmarks.products import Layout, Product
from esrgan_train.training.stages import STAGE_NAMES, StageName

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)
_TERA = 1e12


def steps(setting: Setting) -> list[Measurement]:
    """Both stages' iterations, and the share of the card's convolution rate in the GAN stage."""
    torch.backends.cudnn.benchmark = True  # as training has it
    stages: tuple[StageName, ...] = ("pixel", "gan")
    return [
        *(
            Measurement(f"step_{stage}", f"{STAGE_NAMES[stage]}, iteration alone", partial(_step, setting, stage))
            for stage in stages
        ),
        Measurement("convolution_rate", "convolutions of a GAN-stage iteration", partial(_rate, setting)),
    ]


class Recorded(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's has no types
    """Notes the products and convolutions that run inside it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products: Counter[Product] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if (product := Product.of(func, args, kwargs or {}, out)) is not None:
            self.products[product] += 1
        return out


def batch_of(setting: Setting) -> dict[str, Tensor]:
    """Random images on the device."""
    torch.manual_seed(1)
    side = setting.sizes.gt_size
    hr = torch.rand(setting.sizes.batch_size, 3, side, side, device=setting.device)
    return {"lr": torch.nn.functional.avg_pool2d(hr, UPSCALE), "hr": hr, "hr_target": hr.clone()}


def iteration(setting: Setting, stage: StageName) -> Callable[[], object]:
    """Our step on that batch."""
    step = make_step(setting.sizes, setting.device, stage)
    step.make_optimizers()
    return partial(step, batch_of(setting), done=0, max_steps=MAX_STEPS)


def _seconds(setting: Setting, run: Callable[[], object]) -> float:
    repeats = setting.sizes.repeats
    return seconds_back_to_back(run, setting.device, repeats=repeats * 3, warm_up=repeats)


def _step(setting: Setting, stage: StageName) -> Iterator[Figure]:
    sizes = setting.sizes
    ours = sizes.batch_size / _seconds(setting, iteration(setting, stage))

    def published() -> float:
        step = published_step(sizes, setting.device, stage)
        return sizes.batch_size / _seconds(setting, partial(step.step, batch_of(setting)))

    theirs, note = beside(published, "published: fp32, as it is")
    yield Figure(
        key=f"step_{stage}",
        name=f"{STAGE_NAMES[stage]}, iteration alone, GT {sizes.gt_size}, batch {sizes.batch_size}",
        unit="samples/s",
        ours=ours,
        peer=theirs,
        note=note,
    )


def _rate(setting: Setting) -> Iterator[Figure]:
    run = iteration(setting, "gan")
    run()
    with Recorded() as recorded:
        run()
    convolutions = {
        product: times
        for product, times in recorded.products.items()
        if product.operator._overloadpacket in _CONVOLUTIONS
    }
    seconds = {product: _alone(setting, product) for product in convolutions}
    alone = sum(times * seconds[product] for product, times in convolutions.items())
    flops = sum(times * product.flops for product, times in convolutions.items())
    best = max(convolutions, key=lambda product: product.flops / seconds[product])
    yield Figure(
        key="convolution_rate",
        name="convolutions of a GAN-stage iteration, each alone",
        unit="TFLOP/s",
        ours=flops / alone / _TERA,
        note=f"fastest: {best}, {best.flops / seconds[best] / _TERA:.1f}",
    )
    whole = _seconds(setting, run)
    yield Figure(
        key="gan_rate",
        name="GAN stage: share of that rate",
        unit="%",
        ours=100 * alone / whole,
        goal=Goal("least", 50),
        note=f"{flops / whole / _TERA:.1f} TFLOP/s, {flops / setting.sizes.batch_size / 1e9:.1f} GFLOP a sample",
    )


def _alone(setting: Setting, product: Product) -> float:
    """Seconds that a convolution takes by itself."""

    def make(layout: Layout) -> Tensor:
        drawn = torch.randn(layout.length, device=setting.device).to(layout.dtype)
        return drawn.as_strided(layout.size, layout.stride)

    repeats = setting.sizes.repeats
    with torch.no_grad():
        return seconds_back_to_back(product.prepared(make), setting.device, repeats=repeats, warm_up=3)
