"""Networks of spandrel by name, and what each states about tiles."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
import torch
from torch import Tensor, nn

from esrgan_train.building import build
from esrgan_train.config import check, compose_config, config_dir, with_upscale
from esrgan_train.contracts.networks import check_generator
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError
from esrgan_train.inference.geometry import Geometry, measure, reach_of
from esrgan_train.inference.statements import Tiles, statement_of
from esrgan_train.inference.tiling import continued
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.training import validation as validation_module
from esrgan_train.training.validation import Validation
from tests.spandrel_choices import SMALL

CPU = torch.device("cpu")
QUICK = {("span", 2), ("realplksr", 4), ("mosr", 2), ("safmn", 4), ("fdat", 2), ("fdat", 4)}
BOTH = [  # Real-CUGAN is never small
    pytest.param(name, upscale, marks=[] if (name, upscale) in QUICK else [pytest.mark.tools])
    for name in SMALL
    for upscale in (2, 4)
]
OVERLAPPING = ("realplksr", "realcugan", "fdat")


def made(name: str, upscale: int, *more: str) -> nn.Module:
    torch.manual_seed(0)
    cfg = with_upscale(compose_config([f"generator={name}", f"upscale={upscale}", *SMALL[name], *more]))
    network: nn.Module = build(cfg.generator)
    return network.eval()


def upscaler(network: nn.Module, tile: int | None) -> Upscaler:
    return Upscaler(network, device=CPU, precision="32", tile=tile)


@pytest.mark.parametrize(("name", "upscale"), zip(SMALL, [2, 4, 4, 2, 4, 2], strict=True))
def test_a_choice_names_every_option_of_its_class_and_says_how_its_tiles_join(name: str, upscale: int) -> None:
    cfg = compose_config([f"generator={name}", f"upscale={upscale}"])
    check(cfg)
    network = build(with_upscale(cfg).generator)
    options = set(inspect.signature(type(network)).parameters)
    unsaid = {"in_ch", "out_ch", "in_channels", "out_channels", "num_in_ch", "num_out_ch"}  # follow ``colour``
    unsaid |= {"bias", "group_block_pattern"}  # has no effect; None means its default
    assert options - unsaid <= set(cfg.generator) - {"_target_"} <= options
    text = (config_dir() / "generator" / f"{name}.yaml").read_text()
    stated = statement_of(type(network))
    assert stated is not None
    assert re.findall(r"^# tiles: (\w+)$", text, re.MULTILINE) == [stated.tiles]


@pytest.mark.parametrize(("name", "upscale", "count"), [("safmn", 2, 227_820), ("safmn", 4, 239_520)])
def test_the_sizes_are_those_of_the_paper(name: str, upscale: int, count: int) -> None:
    """Sun et al., "Spatially-adaptive feature modulation", table 1: 228K and 240K parameters."""
    network = build(with_upscale(compose_config([f"generator={name}", f"upscale={upscale}"])).generator)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("name", "upscale"), BOTH)
def test_pictures_of_even_odd_and_no_size_are_enlarged(name: str, upscale: int) -> None:
    network = made(name, upscale)
    enlarge = upscaler(network, None)
    for height, width in ((32, 40), (9, 17), (1, 1)):
        image = skimage.data.chelsea()[50 : 50 + height, 80 : 80 + width]
        assert enlarge(image).shape == (upscale * height, upscale * width, 3)
    assert enlarge.geometry.tiles is (Tiles.OVERLAP if name in OVERLAPPING else Tiles.EXACT)


def farthest(network: nn.Module, scale: int, far: int) -> int:
    """How far NaN in the middle columns of a strip spreads, in pixels."""
    strip = torch.rand(1, 3, 16, 2 * far + 16, generator=torch.Generator().manual_seed(0))
    strip[..., far : far + 16] = math.nan
    with torch.inference_mode():
        changed = torch.nonzero(network(strip).isnan().any(1).any(1)[0]).flatten() // scale
    return max(far - int(changed.min()), int(changed.max()) - far - 15)


@pytest.mark.parametrize(
    ("name", "more", "reach", "step"),
    [
        ("mosr", ("generator.n_block=12",), 1 + 12 * (1 + 3 + 1) + 2 + 1, 1),  # 3×3, 7×7, 3×3 in each block
        ("safmn", ("generator.n_blocks=4",), 1 + 4 * (7 + 8 + 1) + 1, 8),  # to the far end of the next eighth
        ("span", (), 1 + 6 * 3 + 2, 1),
    ],
)
def test_exact_reaches_are_those_of_the_construction(
    name: str, more: tuple[str, ...], reach: int, step: int
) -> None:
    network = made(name, 2, *more)
    geometry = measure(network)
    assert farthest(network, 2, 96) == reach
    assert geometry.radius is not None
    assert reach <= geometry.radius < reach + 8
    assert (geometry.step, geometry.multiple, geometry.radius % step) == (step, step, 0)
    assert reach_of(network) == (geometry.radius if step == 1 else None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mosr", "safmn"])
def test_exact_tiles_join_without_a_seam(name: str) -> None:
    image = skimage.data.chelsea()[50:130, 80:181]
    network = made(name, 2)
    difference = upscaler(network, 24)(image).astype(int) - upscaler(network, 0)(image)
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("name", ["realplksr", "fdat", pytest.param("realcugan", marks=pytest.mark.tools)])
def test_overlapping_tiles_are_said_and_start_where_windows_do(name: str) -> None:
    network = made(name, 2)
    enlarge = upscaler(network, 67)
    step = {"realplksr": 1, "realcugan": 2, "fdat": 8}[name]
    assert enlarge.tile == 67 // step * step
    said = f"tiles of {enlarge.tile}, overlapping by 64: {type(network).__name__} looks at all that it is given"
    assert enlarge.pieces.startswith(said)
    assert "--tile 0 avoids them" in enlarge.pieces
    image = skimage.data.chelsea()[50:64, 80:220]
    assert enlarge(image).shape == (28, 280, 3)
    assert reach_of(network) is None  # comparisons show it as it enlarges whole pictures


class Stated(nn.Module):
    """Adds the mean of all that it sees."""

    tiles = "overlap"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def forward(self, lr: Tensor) -> Tensor:
        height, width = lr.shape[-2:]
        self.seen.append((height, width))
        return (lr + lr.mean(dim=(2, 3), keepdim=True)).repeat_interleave(2, 2).repeat_interleave(2, 3) / 2


def of(word: object, **numbers: object) -> nn.Module:
    return type("Mine", (Stated,), {"tiles": word, **numbers})()


def test_a_class_of_ones_own_states_by_an_attribute() -> None:
    assert measure(of("overlap")) == Geometry(scale=2, radius=64, overlaps=True)
    stepped = measure(of("overlap", tile_overlap=24, tile_step=8))
    assert (stepped.radius, stepped.step, stepped.tiles) == (24, 8, Tiles.OVERLAP)
    assert measure(of("whole")).tiles is Tiles.WHOLE
    assert measure(of(None)).tiles is Tiles.WHOLE  # measured: it has no end
    with pytest.raises(UserError, match=r"Mine\.tiles='both': give one of exact, overlap, whole"):
        measure(of("both"))
    with pytest.raises(UserError, match="tile_overlap=20 with tile_step=8: give whole numbers"):
        measure(of("overlap", tile_overlap=20, tile_step=8))


def batch(height: int, width: int) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        "lr": torch.rand(1, 3, height, width, generator=draw),
        "hr": torch.rand(1, 3, 2 * height, 2 * width, generator=draw),
    }


def validated(network: nn.Module, given: dict[str, Tensor]) -> Tensor:
    with torch.inference_mode():
        return Validation(upscale=2, memory_format=torch.contiguous_format).add(network, given)["sr"]


def test_validation_obeys_what_is_stated(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(validation_module, "_TILE", 16)
    overlapping, whole = of("overlap", tile_overlap=4), of("whole")
    given = batch(30, 40)
    with caplog.at_level("INFO"):
        validated(overlapping, given)
    assert max(max(size) for size in overlapping.seen[-6:]) <= 16 + 2 * 4
    assert "more than 16 LR pixels a side in tiles, overlapping by 4: Mine looks at all" in caplog.text
    torch.testing.assert_close(validated(whole, given), whole(given["lr"]))
    assert whole.seen[-2] == (30, 40)


@pytest.mark.parametrize("size", [(15, 17), (13, 21)])
def test_validation_enlarges_photos_as_upscale_does(size: tuple[int, int]) -> None:
    network, given = made("safmn", 2), batch(*size)
    image = (given["lr"][0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    given["lr"] = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    expected = upscaler(network, None)(image)
    shown = (validated(network, given)[0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy()
    assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("side", [1, 2, 5, 9])
def test_a_picture_is_continued_as_numpy_does(side: int) -> None:
    picture = torch.rand(1, 3, side, 4)
    expected = np.pad(picture.numpy(), ((0, 0), (0, 0), (0, 12 - side), (0, 3)), mode="reflect")
    np.testing.assert_array_equal(continued(picture, 12, 7).numpy(), expected)


def refused(name: str, upscale: int, gt_size: int) -> Callable[[], None]:
    part = Part(option="generator", target="spandrel")
    network = made(name, upscale).train()
    return lambda: check_generator(network, part, upscale=upscale, lr_side=gt_size // upscale)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "upscale", "gt_size", "next_size"),
    [
        ("safmn", 4, 16, 32),
        pytest.param("realcugan", 2, 32, 40, marks=pytest.mark.tools),
        pytest.param("realcugan", 4, 64, 80, marks=pytest.mark.tools),
    ],
)
def test_crops_that_are_too_small_are_refused_with_the_next_size(
    name: str, upscale: int, gt_size: int, next_size: int
) -> None:
    said = rf"data\.gt_size={gt_size}\) are too small; give data\.gt_size={next_size},"
    with pytest.raises(UserError, match=said):
        refused(name, upscale, gt_size)()
    refused(name, upscale, next_size)()


@pytest.mark.slow
def test_crops_of_other_sides_than_pictures_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    refused("safmn", 4, 80)()
    assert "multiples of 8, but LR crops have 20 pixels a side: give data.gt_size=64 or 96" in caplog.text
    caplog.clear()
    refused("safmn", 4, 64)()
    assert not caplog.text


def test_what_memory_tiles_need_follows_from_the_widest_layer() -> None:
    geometry = measure(made("fdat", 2))
    assert 3 * 16 <= geometry.features < 4 * 16  # queries, keys and values, of a picture padded to whole windows
