"""Networks of spandrel: what weights do not show is read from the file, and nothing else is built of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import spandrel
import torch
from basicsr.archs.rrdbnet_arch import RRDBNet
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.FDAT import FDAT
from spandrel.architectures.RCAN import RCAN
from spandrel.architectures.SPAN import SPAN
from torch import nn

from esrgan_train import load_generator
from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.errors import UserError
from esrgan_train.interpolate import main as interpolate
from esrgan_train.modelfiles import field
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.rebuild import load_into, rebuild_generator
from esrgan_train.modelfiles.weights import ModelFile, load_weights, save_model

SMALL_RCAN = {"n_feats": 16, "n_resgroups": 1, "n_resblocks": 1}
SMALL_SPAN = {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8}
SMALL_RRDB = {"num_filters": 8, "num_blocks": 2}
HIDDEN: dict[str, tuple[type[nn.Module], dict[str, Any]]] = {
    "ESRGAN ×3": (ESRGAN, {"num_filters": 8, "num_blocks": 1, "scale": 3}),
    "SPAN": (SPAN, {**SMALL_SPAN, "img_range": 1.0}),
    "RCAN": (RCAN, {**SMALL_RCAN, "res_scale": 0.1, "rgb_range": 1}),
}
SMALL_FDAT = {
    **{"embed_dim": 16, "num_groups": 1, "depth_per_group": 1, "num_heads": 2},
    **{"window_size": 4, "mid_dim": 8, "scale": 2},
}


def made(cls: type[nn.Module], options: dict[str, Any], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return cls(**options).eval()


def write(path: Path, network: nn.Module, options: dict[str, Any]) -> None:
    """A file as training writes it."""
    said = {**name_of(network), "options": options}
    if path.suffix == ".ckpt":
        state = {f"ema.module.{name}": tensor for name, tensor in network.state_dict().items()}
        torch.save({"state_dict": state, "global_step": 1, "esrgan_train": said}, path)
    else:
        save_model(path, network.state_dict(), said)


def assert_same(network: nn.Module, other: nn.Module) -> None:
    lr = torch.rand(1, 3, 16, 12)
    with torch.no_grad():
        torch.testing.assert_close(network(lr), other(lr), rtol=0, atol=0)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".ckpt"])
@pytest.mark.parametrize("name", HIDDEN)
def test_what_weights_do_not_show_is_read_from_the_file(tmp_path: Path, name: str, suffix: str):
    cls, options = HIDDEN[name]
    trained = made(cls, options)
    write(tmp_path / f"m{suffix}", trained, options)
    assert_same(load_generator(tmp_path / f"m{suffix}"), trained)
    guessed = spandrel.ModelLoader().load_from_state_dict(dict(trained.state_dict())).model.eval()
    with pytest.raises(AssertionError):  # else there would be nothing to read
        assert_same(guessed, trained)


def test_an_early_file_that_names_no_class_has_its_options_read(tmp_path: Path):
    cls, options = HIDDEN["RCAN"]
    trained = made(cls, options)
    save_model(tmp_path / "m.pth", trained.state_dict(), {"arch": None, "options": options})
    assert_same(load_generator(tmp_path / "m.pth"), trained)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_network_with_buffers_of_whole_numbers_opens_everywhere(tmp_path: Path, suffix: str):
    trained = made(FDAT, SMALL_FDAT)
    write(tmp_path / f"m{suffix}", trained, SMALL_FDAT)
    assert_same(load_generator(tmp_path / f"m{suffix}"), trained)
    theirs = spandrel.ModelLoader().load_from_file(tmp_path / f"m{suffix}")
    assert theirs.architecture.id == "FDAT"
    assert_same(theirs.model.eval(), trained)


@pytest.mark.parametrize(
    "target",
    [
        *("os:system", "torch.nn:Conv2d", "spandrel:ModelLoader", "spandrel.architectures.SPAN:SPANArch"),
        *("spandrel.architectures.SPAN.SPAN", "spandrel.architectures.SPAN:SPAN.__init__", "", ":", "evil:Net"),
    ],
)
def test_a_file_names_no_other_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    save_model(tmp_path / "m.pth", made(*HIDDEN["SPAN"]).state_dict(), {"target": target, "options": {}})
    with pytest.raises(UserError, match=r"m\.pth needs .*(which a file cannot provide|spandrel lacks)"):
        load_generator(tmp_path / "m.pth")
    assert "evil" not in sys.modules


def test_every_class_that_a_file_may_name_is_a_network_of_spandrel():
    classes = field.classes()
    assert {"spandrel.architectures.ESRGAN:ESRGAN", "spandrel.architectures.PLKSR:RealPLKSR"} <= classes.keys()
    assert all(cls.__module__.startswith("spandrel.architectures.") for cls in classes.values())
    assert field.target_of(SPAN) == "spandrel.architectures.SPAN:SPAN"


def test_a_class_of_ones_own_opens_once_it_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Mine(nn.Conv2d):
        def __init__(self, width: int) -> None:
            super().__init__(3, width, 1)

    Mine.__qualname__ = "Mine"
    write(tmp_path / "m.pth", Mine(3), {"width": 3})
    with pytest.raises(UserError, match=rf"put Mine into a \*_arch\.py.*@generator.*{ENVIRONMENT_VARIABLE}"):
        load_generator(tmp_path / "m.pth")
    (tmp_path / "mine_arch.py").write_text(
        "from torch import nn\n"
        "from esrgan_train.archs import generator\n"
        "@generator('mine')\n"
        "class Mine(nn.Conv2d):\n"
        "    def __init__(self, width: int):\n"
        "        super().__init__(3, width, 1)\n"
    )
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    assert load_generator(tmp_path / "m.pth").out_channels == 3


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("SPAN:SPAN", {"num_in_ch": 3}, "missing .* required .*'num_out_ch'"),
        ("SPAN:SPAN", {**SMALL_SPAN, "upscale": "x"}, "holds options that SPAN refuses"),
        ("SPAN:SPAN", {**SMALL_SPAN, "feature_channels": 12}, "m.pth does not fit SPAN"),
        ("RCAN:RCAN", SMALL_RCAN, "does not fit RCAN.*they are of SPAN ×4"),
    ],
)
def test_options_that_do_not_fit_are_reported(target: str, options: dict[str, Any], words: str):
    state = made(SPAN, SMALL_SPAN).state_dict()
    file = ModelFile(Path("m.pth"), dict(state), target=f"spandrel.architectures.{target}", options=options)
    with pytest.raises(UserError, match=words):
        rebuild_generator(file)


def published_rrdb() -> RRDBNet:
    """BasicSR's class, whose names the published RealESRGAN_x4plus.pth bears."""
    torch.manual_seed(1)
    return RRDBNet(3, 3, num_feat=8, num_block=2, num_grow_ch=32).eval()


def test_weights_with_other_names_that_spandrel_knows_are_loaded(tmp_path: Path):
    published = published_rrdb()
    torch.save({"params_ema": published.state_dict()}, tmp_path / "x4plus.pth")
    ours = made(ESRGAN, SMALL_RRDB)
    load_into(ours, load_weights(tmp_path / "x4plus.pth").state_dict, "init_from=x4plus.pth")
    assert_same(ours, published)
    with pytest.raises(UserError, match=r"does not fit RRDBNet: .*; they fit generator\.num_blocks=2$"):
        load_into(made(ESRGAN, {**SMALL_RRDB, "num_blocks": 1}), published.state_dict(), "init_from=x4plus.pth")


def test_models_with_two_sorts_of_names_are_mixed(tmp_path: Path):
    published, ours = published_rrdb(), made(ESRGAN, SMALL_RRDB)
    torch.save({"params_ema": published.state_dict()}, tmp_path / "x4plus.pth")
    write(tmp_path / "ours.pth", ours, SMALL_RRDB)
    files = [str(tmp_path / name) for name in ("x4plus.pth", "ours.pth")]
    interpolate([*files, "--weight", "0", "0.5", "1", "-o", str(tmp_path / "c.pth")])
    assert_same(load_generator(tmp_path / "c_1.pth"), published)
    assert_same(load_generator(tmp_path / "c_0.pth"), ours)
    middle = load_weights(tmp_path / "c_0.5.pth")
    assert middle.target == "spandrel.architectures.ESRGAN:ESRGAN"
    expected = (published.state_dict()["conv_first.weight"] + ours.state_dict()["model.0.weight"]) / 2
    torch.testing.assert_close(middle.state_dict["model.0.weight"], expected)


def test_models_that_differ_in_what_weights_do_not_show_are_not_mixed(tmp_path: Path):
    write(tmp_path / "a.pth", made(SPAN, {**SMALL_SPAN, "img_range": 1.0}), {**SMALL_SPAN, "img_range": 1.0})
    write(tmp_path / "b.pth", made(SPAN, SMALL_SPAN), SMALL_SPAN)
    torch.save(made(SPAN, SMALL_SPAN).state_dict(), tmp_path / "strangers.pth")
    for other in ("b.pth", "strangers.pth"):
        with pytest.raises(UserError, match=r"cannot be mixed: img_range 1\.0 and 255\.0"):
            files = [str(tmp_path / name) for name in ("a.pth", other)]
            interpolate([*files, "--weight", "0.5", "-o", str(tmp_path / "c.pth")])
