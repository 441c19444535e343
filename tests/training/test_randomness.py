from __future__ import annotations

import pytest
import torch
from torch.nn.functional import dropout

from esrgan_train.training.randomness import seed_layers

CPU = torch.device("cpu")
HERE = {"seed": 3, "iteration": 5, "rank": 0}


def drawn(seed: int, iteration: int, rank: int) -> torch.Tensor:
    seed_layers(seed, iteration=iteration, rank=rank, device=CPU)
    return dropout(torch.ones(64))


def test_the_same_iteration_draws_the_same_whatever_came_before():
    first = drawn(**HERE)
    torch.rand(7)
    assert torch.equal(drawn(**HERE), first)


@pytest.mark.parametrize("other", [{"seed": 4}, {"iteration": 6}, {"rank": 1}])
def test_another_run_iteration_or_process_draws_others(other: dict[str, int]):
    assert not torch.equal(drawn(**HERE), drawn(**{**HERE, **other}))


@pytest.mark.gpu
def test_layers_on_a_gpu_are_seeded_too(device: torch.device):
    pair = []
    for _ in range(2):
        seed_layers(3, iteration=5, rank=0, device=device)
        pair.append(dropout(torch.ones(64, device=device)))
    assert torch.equal(*pair)
