from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import pytorch_optimizer
import schedulefree
import torch
from torch import nn
from torch.optim import SGD, Optimizer

from esrgan_train.contracts.optimizer import check_optimizer
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError
from tests.training.optimizers import CHOICES, OTHERS, make_of

MINE = Part(option="optimizer.generator", target="my_parts.Mine")


@pytest.mark.parametrize("name", [*CHOICES, *OTHERS])
def test_sound_ones_pass_and_draw_nothing(name: str) -> None:
    torch.manual_seed(5)
    check_optimizer(make_of(name), MINE)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


class Keeping(SGD):
    """Keeps its momentum where no checkpoint sees it."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, lr)
        self.kept: dict[Any, Any] = {}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                self.kept[parameter] = 0.9 * self.kept.get(parameter, 0) + parameter.grad
                parameter -= group["lr"] * self.kept[parameter]


class Counting(SGD):
    """Keeps an object of its own in its state."""

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["mine"] = MINE
        super().step()


class Idle(SGD):
    def step(self, closure: Any = None) -> None: ...


class Strict(SGD):
    def step(self) -> None:  # type: ignore[override]
        super().step()


class Swallowing(SGD):
    def __init__(self, params: Any, lr: float, **others: Any) -> None:
        super().__init__(params, lr)


class WithoutRate(Optimizer):
    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {})


def no_optimizer(params: Any, lr: float) -> nn.Module:
    return nn.ParameterList(params)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (torch.optim.LBFGS, "its step needs a closure"),
        (schedulefree.AdamWScheduleFreeClosure, "its step needs a closure"),
        (torch.optim.SparseAdam, "its step fails: RuntimeError: SparseAdam does not support dense gradients"),
        (torch.optim.Muon, "building it fails: ValueError: Muon only supports 2D parameters"),
        (pytorch_optimizer.AdaHessian, "its step fails: RuntimeError"),
        (pytorch_optimizer.SAM, "building it fails: TypeError: .*base_optimizer"),
        (pytorch_optimizer.SCION, "its state holds objects that no checkpoint gives back"),
        (Counting, "its state holds objects that no checkpoint gives back"),
        (Keeping, "it goes on otherwise from its own state"),
        (Idle, "16 steps change no weight"),
        (Strict, "its step fails: TypeError: .*closure"),
        (partial(SGD, momentum=float("inf")), "16 steps make NaN or infinity of weights"),
        (WithoutRate, "its param_groups have no lr"),
        (no_optimizer, "it is a ParameterList, no torch.optim.Optimizer"),
        (partial(pytorch_optimizer.Lion, fused=True), "it never reads fused=true; leave fused out .*~optimizer"),
        (partial(pytorch_optimizer.Adan, weigth_decay=0.1), "it never reads weigth_decay=0.1"),
        (partial(Swallowing, nesterof=True), "it never reads nesterof=true"),
    ],
)
def test_one_that_cannot_train_here_is_refused_in_one_line(make: Any, fault: str) -> None:
    with pytest.raises(UserError, match=rf"^optimizer\.generator\._target_=my_parts\.Mine: {fault}") as refused:
        check_optimizer(partial(make, lr=1e-3), MINE)
    assert "\n" not in str(refused.value)


def test_an_option_that_only_others_take_is_none_the_worse_for_it() -> None:
    check_optimizer(partial(pytorch_optimizer.Adan, lr=1e-3, use_gc=True), MINE)
