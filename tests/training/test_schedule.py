from __future__ import annotations

import pytest
import torch

from esrgan_train.errors import UserError
from esrgan_train.training.schedule import Constant, Cosine, MultiStep


def torchs(make: object, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_equals_torchs() -> None:
    ours = Cosine(final_factor=0.1, warmup_steps=0)
    theirs = torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=0.1), 20)
    assert [ours(done, 20) for done in range(20)] == pytest.approx(theirs)


def test_multistep_equals_torchs() -> None:
    ours = MultiStep(milestones=[3, 7], gamma=0.5, warmup_steps=0)
    theirs = torchs(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, milestones=[3, 7], gamma=0.5), 12)
    assert [ours(done, 12) for done in range(12)] == pytest.approx(theirs)


def test_the_warm_up_rises_linearly_and_joins_the_rest() -> None:
    rates = [Constant(warmup_steps=4)(done, 100) for done in range(6)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])
    cosine = [Cosine(final_factor=0.0, warmup_steps=10)(done, 100) for done in range(101)]
    assert max(cosine) == cosine[9] == cosine[10] == 1.0
    assert cosine[100] == pytest.approx(0.0)


def test_the_warm_up_takes_at_most_a_tenth_of_a_stage() -> None:
    assert [Constant(warmup_steps=100)(done, 30) for done in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert Cosine(final_factor=0.0, warmup_steps=100)(0, 5) == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(warmup_steps=-1), "scheduler.warmup_steps=-1"),
        (lambda: Cosine(final_factor=2, warmup_steps=0), "scheduler.final_factor=2"),
        (lambda: MultiStep(milestones=[5, 3], gamma=0.5, warmup_steps=0), r"scheduler.milestones=\[5,3\]"),
        (lambda: MultiStep(milestones=[3], gamma=0, warmup_steps=0), "scheduler.gamma=0"),
    ],
)
def test_values_out_of_bounds_are_refused(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
