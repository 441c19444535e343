"""``colour`` in whole configurations and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator, build_objective
from esrgan_train.config import check, compose_config, with_upscale
from esrgan_train.errors import UserError
from esrgan_train.identity import differing
from esrgan_train.inference.models import load_generator
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.train import train
from tests.tiny import tiny


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("colour", ["gray", "luma"])
def test_both_stages_train_and_the_model_has_one_channel(tmp_path: Path, colour: str):
    course = ("recipe.start_step=2", "trainer.max_steps=4", "upscale=2", "data.val_max_size=64")
    shown = ("callbacks.previews.crop=64", "loss.perceptual.weight=1", "loss/terms=[ms_ssim,mean_colour,ldl]")
    overrides = [o for o in tiny(tmp_path / "run", *course, *shown) if o != "callbacks.previews=null"]
    train(compose_config([*overrides, f"colour={colour}"]))
    model = tmp_path / "run" / "model" / "x2_prelu.pth"
    assert load_weights(model).metadata["colour"] == colour
    network = load_generator(model)
    assert isinstance(network, SRVGGNetCompact)
    assert (network.num_in_ch, network.num_out_ch) == (1, 1)
    preview = np.asarray(Image.open(tmp_path / "run" / "previews" / "step_00000004.png").convert("RGB"))
    assert (preview.max(axis=2) - preview.min(axis=2)).max() < 8  # the paper is a little warm


def test_networks_follow_colour_and_rgb_stays_three_channels():
    assert compose_config([]).generator.num_in_ch == 3
    cfg = with_upscale(compose_config(["colour=luma", "generator=rrdb"]))
    assert (cfg.generator.in_nc, cfg.generator.out_nc, cfg.discriminator.num_in_ch) == (1, 1, 1)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["colour=grey"], "colour=grey: give one of rgb, gray, luma"),
        (["colour=gray", "generator.num_in_ch=3"], "generator.num_in_ch=3 does not fit colour=gray: leave it out"),
        (["generator.num_out_ch=1"], r"does not fit colour=rgb: leave it out, or give colour=gray \(or luma\)"),
        (["colour=luma", "discriminator.num_in_ch=3"], "discriminator.num_in_ch=3 does not fit colour=luma"),
    ],
)
def test_channels_that_do_not_fit_are_refused(overrides: list[str], message: str):
    with pytest.raises(UserError, match=message):
        check(compose_config(overrides))


def test_a_loss_of_colours_is_refused_for_one_channel(tmp_path: Path):
    cfg = compose_config([*tiny(tmp_path, "colour=gray"), "loss/terms=chroma"])
    with pytest.raises(UserError, match=r"pictures of one channel have none; leave loss\.chroma out"):
        build_objective(cfg)


def test_weights_of_a_colour_model_are_refused(tmp_path: Path):
    colour = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2)
    torch.save({"params": colour.state_dict()}, tmp_path / "colour.pth")
    overrides = tiny(tmp_path, "upscale=2", "colour=gray", f"init_from={tmp_path / 'colour.pth'}")
    with pytest.raises(
        UserError, match=r"8×3×3×3 instead of 8×1×3×3.*; they fit colour=rgb; or init_match=shared"
    ):
        build_generator(compose_config(overrides))


def test_figures_of_gray_are_those_of_the_same_picture_in_rgb():
    draw = torch.Generator().manual_seed(0)
    sr, hr = (torch.rand(2, 1, 40, 30, generator=draw) for _ in range(2))
    for name, measure in MEASURES.items():
        expected = measure(sr.expand(-1, 3, -1, -1), hr.expand(-1, 3, -1, -1), 2)
        assert torch.allclose(measure(sr, hr, 2), expected, rtol=1e-5), name


def test_a_change_of_colour_is_noticed_and_older_checkpoints_are_rgb():
    assert differing({"seed": 0}, {"seed": 0, "colour": "rgb"}) == []
    assert differing({"seed": 0}, {"seed": 0, "colour": "gray"}) == ["colour"]
