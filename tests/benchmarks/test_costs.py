"""What is counted, against figures worked out by hand and published by others."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
import torchvision

from benchmarks.costs import Cost, Counted, iteration_costs
from benchmarks.plan.predict import gradient_bytes
from benchmarks.plan.recipe import published
from esrgan_train.errors import UserError

pytestmark = pytest.mark.run

SMALL = ("recipe=published", "generator.num_feat=8", "generator.num_conv=2", "discriminator.num_feat=8")


def conv(channels_in: int, channels_out: int, kernel: int, out_side: int) -> int:
    """Operations of one convolution, by hand: a multiplication and an addition for each product."""
    return 2 * channels_in * channels_out * kernel**2 * out_side**2


def generator(side: int) -> list[int]:
    """SRVGGNetCompact with 64 channels and 16 convolutions at ×4, by hand."""
    return [conv(3, 64, 3, side), *[conv(64, 64, 3, side)] * 16, conv(64, 48, 3, side)]


def discriminator(side: int) -> list[int]:
    """UNetDiscriminatorSN with 64 channels, by hand."""
    return [
        conv(3, 64, 3, side),
        *(conv(64, 128, 4, side // 2), conv(128, 256, 4, side // 4), conv(256, 512, 4, side // 8)),
        *(conv(512, 256, 3, side // 4), conv(256, 128, 3, side // 2), conv(128, 64, 3, side)),
        *(conv(64, 64, 3, side), conv(64, 64, 3, side), conv(64, 1, 3, side)),
    ]


@pytest.mark.slow
def test_the_pixel_stage_is_three_passes_of_the_generator_worked_out_by_hand():
    found = iteration_costs(published().overrides, gt_size=256, stage="pixel")["generator"]
    layers = generator(256 // 4)
    assert sum(layers) == pytest.approx(5.07e9, rel=1e-3)
    assert found.flops == 3 * sum(layers) - layers[0]  # no gradient of the image
    assert found.parameters == 621_424


@pytest.mark.slow
@pytest.mark.parametrize(("shared", "forward"), [("true", 2), ("false", 3)])
def test_the_discriminator_is_passed_as_often_as_the_step_says(shared: str, forward: int):
    overrides = (*published().overrides, f"training.shared_fake_forward={shared}")
    found = iteration_costs(overrides, gt_size=256, stage="gan")["discriminator"]
    layers = discriminator(256)
    # Forward; twice back to the weights, without the gradient of the image; once back to the image alone.
    assert found.flops == (forward + 2 * 2 + 1) * sum(layers) - 2 * layers[0]
    assert found.parameters == 4_376_897


@pytest.mark.slow
def test_vgg19_is_counted_as_its_publishers_do():
    meta = torchvision.models.VGG19_Weights.IMAGENET1K_V1.meta
    fully_connected = 512 * 49 * 4096 + 4096 * 4096 + 4096 * 1000
    forward = 2 * (1e9 * meta["_ops"] - fully_connected)  # published as products, at 224 × 224
    found = iteration_costs(published().overrides, gt_size=224, stage="gan", perceptual=True)["perceptual"]
    # The published figure rounds; target, result, and back to the image alone.
    assert found.flops == pytest.approx(3 * forward, rel=1e-3)
    assert found.parameters == 0


def test_the_numbers_moved_are_those_that_convolution_and_activation_read_and_write():
    image, weight, bias, slope = torch.rand(1, 3, 8, 8), torch.rand(5, 3, 3, 3), torch.rand(5), torch.rand(5)
    with Counted() as counted:
        output = torch.nn.functional.conv2d(image, weight, bias, padding=1)
        torch.nn.functional.prelu(output, slope).view(-1)  # a view moves nothing
    inner = 5 * 8 * 8
    assert counted.numbers == (3 * 8 * 8 + 5 * 3 * 9 + 5 + inner) + (inner + 5 + inner)
    assert counted.flops == conv(3, 5, 3, 8)
    assert [str(product) for product in counted.products] == ["3 → 5 channels, 3 × 3, from 8 × 8"]


def test_traffic_is_within_reach_of_the_least_that_layers_move():
    """Each convolution and activation reads its input and writes its output, in each of three passes."""
    found = iteration_costs(published().overrides, gt_size=256, stage="pixel")["generator"]
    pixels, widths = 64 * 64, [3, *[64] * 17, 48]
    least = 3 * pixels * sum(before + 3 * after for before, after in pairwise(widths))
    assert 1 < found.numbers / least < 1.2  # losses and the enlarged image come on top


@pytest.mark.slow
def test_a_cpu_saves_multiplications_behind_an_enlargement_and_counts_them():
    plain, saving = (
        iteration_costs(SMALL, gt_size=64, stage="gan", cpu_kernels=own)["discriminator"].flops
        for own in (False, True)
    )
    assert 0.5 < saving / plain < 0.95


@pytest.mark.slow
def test_real_tensors_are_counted_on_a_small_crop_and_the_rest_follows_from_the_area():
    small, large = (
        iteration_costs(SMALL, gt_size=side, stage="pixel", cpu_kernels=True)["generator"] for side in (64, 128)
    )
    assert large.flops == 4 * small.flops
    plain = iteration_costs(SMALL, gt_size=128, stage="pixel")["generator"]
    assert plain.flops == large.flops


@pytest.mark.slow
@pytest.mark.parametrize("override", ["generator=ultracompact", "experiment=x2_prelu", "upscale=3"])
def test_any_generator_is_counted(override: str):
    gt_size = 48
    cost = iteration_costs(("recipe=published", override), gt_size=gt_size, stage="pixel")["generator"]
    assert cost.flops > 0


@pytest.mark.slow
def test_counting_leaves_no_fake_tensors_behind():
    """The CPU's kernels keep tables from call to call."""
    from benchmarks.ours import BareStep, make_module, random_batch

    iteration_costs(SMALL, gt_size=32, stage="gan")
    module = make_module([*SMALL, "loss.perceptual.weight=0", "loss.adversarial.start_step=0"])
    step = BareStep(module)
    step.step(random_batch(batch_size=1, gt_size=32, upscale=4))
    assert step.losses()["d_real"] > 0


NEEDS_VALUES = """
import torch
from esrgan_train.archs import generator

@generator("needs_values")
class NeedsValues(torch.nn.Module):
    def __init__(self, upscale: int = 4) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3 * upscale**2, 3, padding=1)
        self.upscale = upscale

    def forward(self, x):
        scale = 1 if x.mean().item() > 2 else 2
        return torch.nn.functional.pixel_shuffle(scale * self.conv(x), self.upscale)
"""


def test_a_generator_that_needs_values_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "needs_values_arch.py").write_text(NEEDS_VALUES)
    monkeypatch.setenv("ESRGAN_TRAIN_ARCHS", str(tmp_path))
    with pytest.raises(UserError, match="generator=NeedsValues cannot be counted, since it needs values"):
        iteration_costs(("recipe=published", "generator=needs_values"), gt_size=32, stage="pixel")


def test_gradients_of_one_process_go_nowhere_and_of_many_twice():
    assert gradient_bytes(1000, processes=1) == 0
    assert gradient_bytes(1000, processes=2) == 4000
    assert gradient_bytes(1000, processes=1000) == pytest.approx(8000, rel=0.01)


def test_costs_subtract():
    assert Cost(5.0, 7.0, 9) - Cost(1.0, 2.0, 3) == Cost(4.0, 5.0, 6)
