from __future__ import annotations

import pytest
import torch
from basicsr.losses.basic_loss import CharbonnierLoss as Published

from esrgan_train.losses.pixel import CharbonnierLoss


@pytest.mark.parametrize("eps", [1e-12, 1e-6, 1e-2])
def test_values_and_gradients_equal_the_published_loss(eps):
    hr = torch.rand(2, 3, 8, 8)
    ours, theirs = (torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    actual = CharbonnierLoss(eps=eps)(ours.requires_grad_(), hr)
    expected = Published(eps=eps)(theirs.requires_grad_(), hr)
    actual.backward()
    expected.backward()
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_known_values():
    zero, two = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 2.0)
    assert CharbonnierLoss()(two, zero).item() == pytest.approx(2)
    assert CharbonnierLoss(eps=1e-4)(zero, zero).item() == pytest.approx(1e-2)


def test_equal_images_have_a_finite_gradient():
    sr = torch.rand(1, 3, 4, 4, requires_grad=True)
    CharbonnierLoss()(sr, sr.detach()).backward()
    assert torch.equal(sr.grad, torch.zeros_like(sr))


@pytest.mark.parametrize("eps", [0, -1e-6, float("nan")])
def test_eps_must_be_positive(eps):
    with pytest.raises(ValueError, match=r"eps=.*: give a number above 0, such as 1e-12"):
        CharbonnierLoss(eps=eps)
