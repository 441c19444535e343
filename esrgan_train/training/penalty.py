"""The R1 penalty: a discriminator's gradients at real images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.training.buffers import Snapshot, power_vectors
from esrgan_train.training.precision import outputs_of


def gradient_penalty(network: nn.Module, real: Tensor) -> Tensor:
    """The mean over images of the squared norm of the gradient of the sum of logits, over their number.

    With one logit per image it is the published penalty; with one per pixel, it does not depend on the crop's
    size. It is computed in float32, by a plain pass that moves no power iteration.

    Source: Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018.

    Args:
        network: (B, C, H, W) to logits, a tensor or several.
        real: (B, C, H, W).

    Returns:
        A scalar that can be differentiated by the network's weights.
    """
    vectors = Snapshot(power_vectors(network))
    images = real.detach().float().requires_grad_()
    with torch.autocast(real.device.type, enabled=False), torch.compiler.set_stance("force_eager"):
        logits = outputs_of(network(images))  # compiled graphs cannot be differentiated twice
    vectors.restore()
    total = torch.stack([each.float().sum() for each in logits]).sum()
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    number = sum(each.numel() for each in logits) / len(images)
    return gradient.square().flatten(1).sum(1).mean() / number
