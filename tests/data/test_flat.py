from __future__ import annotations

import pytest
import torch

from esrgan_train.data.flat import Layout

EXAMPLE = {
    "happens": torch.tensor(True),
    "kernel": torch.zeros(3, 5),
    "key": torch.tensor(0),
    "gray": torch.tensor(False),
    "strength": torch.tensor(0.0),
    "levels": torch.zeros(3, dtype=torch.uint8),
}


def drawn(seed: int) -> dict[str, torch.Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    return {
        "happens": torch.tensor(seed % 2 == 0),
        "kernel": torch.rand(3, 5, generator=numbers),
        "key": torch.tensor(2**62 + seed),
        "gray": torch.tensor(seed % 3 == 0),
        "strength": torch.rand((), generator=numbers),
        "levels": torch.randint(256, (3,), generator=numbers, dtype=torch.uint8),
    }


def test_rows_come_apart_into_what_was_put_in() -> None:
    layout, given = Layout(EXAMPLE), [drawn(seed) for seed in range(4)]
    rows = torch.stack([layout.flat(tensors) for tensors in given])
    assert (rows.dtype, rows.shape) == (torch.uint8, (4, layout.length))
    apart = layout.apart(rows)
    assert list(apart) == list(EXAMPLE)
    for name in EXAMPLE:
        expected = torch.stack([tensors[name] for tensors in given])
        assert apart[name].dtype == expected.dtype
        assert torch.equal(apart[name], expected)


def test_tensors_of_other_shapes_are_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="kernel"):
        Layout(EXAMPLE).flat(drawn(0) | {"kernel": torch.zeros(5, 3)})
