"""What the networks cost: operations and bytes per sample, from their shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from esrgan_train.losses.vgg import CONVS


class ConvShape(NamedTuple):
    """One convolution on one sample."""

    name: str
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    out_side: int  # of the square output, in pixels
    bias: bool

    @property
    def in_side(self) -> int:
        """Side of the square input."""
        return self.out_side * self.stride

    @property
    def weights(self) -> int:
        """Numbers in the weight and the bias."""
        return self.in_channels * self.out_channels * self.kernel**2 + (self.out_channels if self.bias else 0)

    @property
    def flops(self) -> int:
        """Of the forward pass: a multiplication and an addition for each product. The bias is not counted."""
        return 2 * self.in_channels * self.out_channels * self.kernel**2 * self.out_side**2

    @property
    def numbers_moved(self) -> int:
        """Numbers that the forward pass reads or writes at the least, without the weights."""
        return self.in_channels * self.in_side**2 + self.out_channels * self.out_side**2


Shapes = Sequence[ConvShape]


def generator_shapes(*, lr_side: int, num_feat: int, num_conv: int, upscale: int) -> list[ConvShape]:
    """The convolutions of ``SRVGGNetCompact`` on a square LR crop."""
    widths = [3, *[num_feat] * (num_conv + 1), 3 * upscale**2]
    return [
        ConvShape(f"body.{2 * number}", before, after, 3, 1, lr_side, bias=True)
        for number, (before, after) in enumerate(pairwise(widths))
    ]


def discriminator_shapes(*, side: int, num_feat: int, taps_first: bool = False) -> list[ConvShape]:
    """The convolutions of ``UNetDiscriminatorSN`` on a square crop whose side is a multiple of 8.

    Args:
        side: of the crop in pixels.
        num_feat: the network's channels.
        taps_first: as ``archs.doubled_conv`` computes the three that follow an enlargement: nine 1×1
            convolutions at low resolution. What it then adds up is not counted.
    """
    f = num_feat
    rising = [(8 * f, 4 * f, side // 4), (4 * f, 2 * f, side // 2), (2 * f, f, side)]
    return [
        ConvShape("conv0", 3, f, 3, 1, side, bias=True),
        ConvShape("conv1", f, 2 * f, 4, 2, side // 2, bias=False),
        ConvShape("conv2", 2 * f, 4 * f, 4, 2, side // 4, bias=False),
        ConvShape("conv3", 4 * f, 8 * f, 4, 2, side // 8, bias=False),
        *(
            ConvShape(name, before, 9 * after, 1, 1, out_side // 2, bias=False)
            if taps_first
            else ConvShape(name, before, after, 3, 1, out_side, bias=False)
            for name, (before, after, out_side) in zip(("conv4", "conv5", "conv6"), rising, strict=True)
        ),
        ConvShape("conv7", f, f, 3, 1, side, bias=False),
        ConvShape("conv8", f, f, 3, 1, side, bias=False),
        ConvShape("conv9", f, 1, 3, 1, side, bias=True),
    ]


def vgg_shapes(*, side: int) -> list[ConvShape]:
    """VGG19's convolutions down to conv5_4 on a square crop whose side is a multiple of 16."""
    shapes = []
    for conv in CONVS:
        side = side // 2 if conv.pool_before else side
        shapes.append(ConvShape(conv.name, conv.in_channels, conv.out_channels, 3, 1, side, bias=True))
    return shapes


def forward_flops(shapes: Shapes) -> int:
    """Of one forward pass of one sample."""
    return sum(shape.flops for shape in shapes)


def backward_flops(shapes: Shapes, *, weights: bool, image: bool) -> int:
    """Of one backward pass of one sample, each gradient costing what the forward pass does.

    Args:
        shapes: the network.
        weights: whether the weights get a gradient.
        image: whether the network's input gets one; all that lies between always does.
    """
    first = 0 if image else shapes[0].flops
    return (int(weights) + 1) * forward_flops(shapes) - first


def forward_bytes(shapes: Shapes, *, size: int) -> int:
    """Bytes that one sample's forward pass moves at the least, at ``size`` bytes per number.

    Each convolution reads its input and writes its output, and the activation after it reads and writes it
    again. Weights are left out: a batch reads them once.
    """
    return size * sum(shape.numbers_moved + 2 * shape.out_channels * shape.out_side**2 for shape in shapes)


class Passes(NamedTuple):
    """How often one iteration goes through a network: forward; back to its weights; back to the image alone."""

    forward: int
    to_weights: int
    to_image: int

    @property
    def forward_equivalents(self) -> int:
        """Passes as costly as a forward pass."""
        return self.forward + 2 * self.to_weights + self.to_image

    def flops(self, shapes: Shapes) -> int:
        """Operations per sample."""
        return (
            self.forward * forward_flops(shapes)
            + self.to_weights * backward_flops(shapes, weights=True, image=False)
            + self.to_image * backward_flops(shapes, weights=False, image=True)
        )

    def bytes(self, shapes: Shapes, *, size: int) -> int:
        """Bytes per sample, each backward pass moving what as many forward passes do."""
        return self.forward_equivalents * forward_bytes(shapes, size=size)


GENERATOR = Passes(1, 1, 0)
# G's loss goes through D to the image; D's own goes through it for the real and the generated batch.
DISCRIMINATOR_PUBLISHED = Passes(3, 2, 1)
DISCRIMINATOR_SHARED = Passes(2, 2, 1)  # one forward pass of the generated batch serves both players
VGG = Passes(2, 0, 1)  # the target needs no gradient


class IterationCost(NamedTuple):
    """Of one network, for one sample of one iteration."""

    flops: int
    bytes: int


def iteration_costs(
    *,
    gt_size: int,
    upscale: int = 4,
    num_feat: int = 64,
    num_conv: int = 16,
    discriminator_feat: int = 64,
    gan: bool,
    perceptual: bool,
    shared_fake_forward: bool,
    taps_first: bool = False,
    size: int,
) -> dict[str, IterationCost]:
    """Operations and bytes per sample and iteration by network, convolutions and activations alone.

    Args:
        gt_size: side of the HR crop in pixels.
        upscale: HR pixels per LR pixel.
        num_feat: the generator's channels.
        num_conv: its hidden convolutions.
        discriminator_feat: the discriminator's channels.
        gan: whether the discriminator takes part.
        perceptual: whether the perceptual loss does.
        shared_fake_forward: as ``training.shared_fake_forward``.
        taps_first: as of ``discriminator_shapes``.
        size: bytes per number.
    """
    generator = generator_shapes(lr_side=gt_size // upscale, num_feat=num_feat, num_conv=num_conv, upscale=upscale)
    parts: dict[str, tuple[Passes, Shapes]] = {"generator": (GENERATOR, generator)}
    if gan:
        passes = DISCRIMINATOR_SHARED if shared_fake_forward else DISCRIMINATOR_PUBLISHED
        parts["discriminator"] = (
            passes,
            discriminator_shapes(side=gt_size, num_feat=discriminator_feat, taps_first=taps_first),
        )
    if perceptual:
        parts["perceptual"] = (VGG, vgg_shapes(side=gt_size))
    return {
        name: IterationCost(passes.flops(shapes), passes.bytes(shapes, size=size))
        for name, (passes, shapes) in parts.items()
    }


def gradient_bytes(*, generator_parameters: int, discriminator_parameters: int, processes: int) -> float:
    """Bytes that each process sends per iteration to average float32 gradients (ring reduction)."""
    return 2 * (processes - 1) / processes * 4 * (generator_parameters + discriminator_parameters)
