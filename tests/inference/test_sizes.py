"""Pictures of any size through networks that ask for some, and tiles of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.upscale import main
from tests.inference.networks import build

CPU = torch.device("cpu")


def upscaler(name: str, tile: int | None) -> Upscaler:
    return Upscaler(build(name), device=CPU, precision="32", tile=tile)


def directly(name: str, image: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        sr = build(name)(torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None])
    return (sr[0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy()


@pytest.mark.parametrize("name", ["plksr", "realplksr", "safmn", "ditn", "swinir", "unshuffled rrdb", "omnisr"])
def test_pictures_of_any_size_are_enlarged(name: str) -> None:
    enlarge = upscaler(name, None)
    for height, width in ((1, 1), (9, 17), (3, 40)):
        image = skimage.data.chelsea()[50 : 50 + height, 80 : 80 + width]
        assert enlarge(image).shape == (2 * height, 2 * width, 3)


def test_a_small_picture_is_continued_by_reflection() -> None:
    image = skimage.data.chelsea()[50:59, 80:97]
    continued = np.pad(image, ((0, 23), (0, 15), (0, 0)), mode="reflect")  # RealCUGAN takes 32 pixels and more
    expected = directly("realcugan", continued)[:18, :34]
    assert np.abs(upscaler("realcugan", None)(image) - expected).max() <= 1


def test_a_picture_that_is_large_enough_is_left_alone() -> None:
    image = skimage.data.chelsea()[50:59, 80:97]
    assert np.abs(upscaler("span", None)(image) - directly("span", image)).max() <= 1


@pytest.mark.run
@pytest.mark.parametrize("name", ["plksr", "safmn", "ditn", "swinir", "unshuffled rrdb"])
def test_tiles_join_without_a_seam(name: str) -> None:
    image = skimage.data.chelsea()[50:151, 80:171]
    enlarge = upscaler(name, 21)
    assert enlarge.tile == 21 // enlarge.geometry.multiple * enlarge.geometry.multiple
    difference = np.abs(enlarge(image).astype(int) - upscaler(name, 0)(image))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_a_network_that_sees_everything_gets_whole_pictures_unless_tiles_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save({"params": build("rcan").state_dict()}, tmp_path / "m.pth")
    photo = skimage.data.chelsea()[:20, :20]
    Image.fromarray(photo).save(tmp_path / "a.png")
    command = [str(tmp_path / "a.png"), "-o", str(tmp_path / "o"), "--model", str(tmp_path / "m.pth")]
    with caplog.at_level("INFO"):
        assert main(command) == 0
    assert "whole pictures (RCAN looks too far for tiles)" in caplog.text
    with pytest.raises(UserError, match="RCAN looks over 48 pixels far, so tiles would show seams; give --tile 0"):
        main([*command, "--tile", "64"])
