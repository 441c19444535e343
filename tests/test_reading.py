"""What a run trains is what its files will be opened as; where it is not, that is said before the run."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.RCAN import RCAN
from spandrel.architectures.SPAN import SPAN
from torch import nn

from esrgan_train import load_generator
from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator
from esrgan_train.config import compose_config
from esrgan_train.contracts.reading import check_reading
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main as export
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.weights import load_checkpoint, save_model
from esrgan_train.runs.checkpoints import check_checkpoint
from esrgan_train.train import train
from tests.tiny import OVERRIDES

SPAN_OPTIONS: dict[str, Any] = {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8}
SMALL = [override for override in OVERRIDES if not override.startswith("generator.")]
HIDES_A_SETTING = """
import torch
from torch import nn
from esrgan_train.archs import generator


@generator("hides")
class Hides(nn.Module):
    def __init__(self, upscale: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3 * upscale**2, 3, padding=1)
        self.gain = torch.rand(1).item()
        self.upscale = upscale

    def forward(self, lr):
        return nn.functional.pixel_shuffle(self.conv(lr) * self.gain, self.upscale)
"""


def said_of(network: nn.Module, options: dict[str, Any]) -> str | None:
    return check_reading(network, {**name_of(network), "options": options}, lr_side=16)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (SRVGGNetCompact, {"num_feat": 8, "num_conv": 2, "act_type": "leakyrelu"}),
        (ESRGAN, {"num_filters": 8, "num_blocks": 1, "scale": 2}),
        (SPAN, SPAN_OPTIONS),
        (SPAN, {**SPAN_OPTIONS, "norm": False, "img_range": 1.0}),  # not used without norm: nothing to warn about
    ],
)
def test_what_all_read_alike_is_not_warned_about(cls: type[nn.Module], options: dict[str, Any]):
    network = cls(**options)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    numbers = torch.random.get_rng_state()
    assert said_of(network, options) is None
    assert torch.equal(torch.random.get_rng_state(), numbers)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("cls", "options", "guess"),
    [
        (ESRGAN, {"num_filters": 8, "num_blocks": 1, "scale": 3}, "spandrel guesses ESRGAN ×2 scale=2;"),
        (SPAN, {**SPAN_OPTIONS, "img_range": 1.0}, "spandrel guesses SPAN ×4 img_range=255.0;"),
        (RCAN, {"n_feats": 16, "n_resgroups": 1, "n_resblocks": 1, "rgb_range": 1}, "RCAN ×4 rgb_range=255;"),
    ],
)
@pytest.mark.parametrize("zeros", [False, True])
def test_what_other_programs_guess_wrongly_is_warned_about(
    cls: type[nn.Module], options: dict[str, Any], guess: str, zeros: bool
):
    network = cls(**options)
    if zeros:  # the outputs of such weights would agree
        for parameter in network.parameters():
            nn.init.zeros_(parameter)
    line = said_of(network, options)
    assert line is not None
    assert guess in line
    assert "\n" not in line


def test_a_class_that_no_file_can_name_is_warned_about():
    line = said_of(nn.Conv2d(3, 3, 1), {})
    assert line is not None
    assert "needs torch.nn.modules.conv:Conv2d, which a file cannot provide; put Conv2d into a *_arch.py" in line


def write_choice(folder: Path, name: str, target: str, options: dict[str, Any]) -> str:
    file = folder / "conf/generator" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([f"_target_: {target}", *(f"{key}: {value}" for key, value in options.items())]))
    return f"hydra.searchpath=[file://{folder / 'conf'}]"


def write_photos(folder: Path) -> list[str]:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        Image.fromarray(rng.integers(0, 256, (72, 72, 3), np.uint8)).save(folder / f"{name}.png")
    return ["data=folder", f"data.train_dir={folder}"]


@pytest.mark.slow
@pytest.mark.run
def test_a_run_says_it_and_its_files_are_opened_as_what_was_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    options = {"num_filters": 8, "num_blocks": 1}
    path = write_choice(tmp_path, "mine", "spandrel.architectures.ESRGAN.ESRGAN", options)
    run, photos = tmp_path / "run", write_photos(tmp_path / "photos")
    steps = ["experiment=x4_net", "upscale=3", "data.gt_size=48", "trainer.max_steps=4", f"run_dir={run}"]
    train(compose_config([*SMALL, *photos, path, "generator=mine", *steps]))
    assert "spandrel guesses ESRGAN ×2 scale=2" in (run / "train.log").read_text()

    trained = ESRGAN(**options, scale=3).eval()
    state = load_checkpoint(run / "checkpoints/last.ckpt")["state_dict"]
    prefix = "ema.module."
    trained.load_state_dict({n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)})
    lr = torch.rand(1, 3, 13, 10)
    with torch.no_grad():
        expected = trained(lr)
        for file in ("checkpoints/last.ckpt", "model/x3_net.pth", "model/x3_net.safetensors"):
            assert torch.equal(load_generator(run / file)(lr), expected), file

    checkpoint = str(run / "checkpoints/last.ckpt")
    for form in ("pth", "safetensors"):
        assert export([checkpoint, "-o", str(tmp_path / "out"), "--format", form]) == 1
        told = capsys.readouterr().err
        assert re.search(rf"error: --format {form} would be used wrongly.*guesses ESRGAN ×2 scale=2", told)
    assert not (tmp_path / "out").exists()


@pytest.mark.tools
def test_an_exported_graph_is_the_network_that_was_trained(tmp_path: Path):
    options = {"num_filters": 4, "num_blocks": 1, "scale": 3}
    network = ESRGAN(**options).eval()
    save_model(tmp_path / "m.pth", network.state_dict(), {**name_of(network), "options": options})
    assert export([str(tmp_path / "m.pth"), "-o", str(tmp_path / "out"), "--format", "onnx", "--fp32"]) == 0
    lr = torch.rand(1, 3, 13, 10)
    (sr,) = onnxruntime.InferenceSession(tmp_path / "out/m.onnx").run(["output"], {"input": lr.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(sr), network(lr), rtol=0, atol=1e-5)


def test_a_network_that_hides_a_setting_is_refused_before_the_run_folder_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "hides_arch.py").write_text(HIDES_A_SETTING)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    cfg = compose_config([*SMALL, "generator=hides", f"run_dir={tmp_path / 'run'}"])
    with pytest.raises(UserError, match=r"generator Hides computes something else when rebuilt"):
        train(cfg)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.run
def test_starting_from_weights_of_another_function_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = write_choice(tmp_path, "mine", "spandrel.architectures.SPAN.SPAN", SPAN_OPTIONS)
    options = {**SPAN_OPTIONS, "img_range": 1.0}
    network = SPAN(**options)
    save_model(tmp_path / "ours.pth", network.state_dict(), {**name_of(network), "options": options})
    torch.save(network.state_dict(), tmp_path / "strangers.pth")  # the field's readers take it for img_range=255

    def warnings(file: str, *more: str) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="esrgan_train.build"):
            init = f"init_from={tmp_path / file}"
            assert build_generator(compose_config([*SMALL, path, "generator=mine", init, *more])).training
        return [record.message for record in caplog.records]

    assert warnings("strangers.pth") == warnings("ours.pth", "+generator.img_range=1.0") == []
    (line,) = warnings("ours.pth")
    assert "was trained as another network" in line
    assert "give generator.img_range=1.0" in line
    (line,) = warnings("strangers.pth", "+generator.img_range=1.0")
    assert "give generator.img_range=255.0" in line


def test_a_checkpoint_is_resumed_with_its_own_network_alone(tmp_path: Path):
    options = {"num_filters": 8, "num_blocks": 1, "scale": 4}
    said = {**name_of(ESRGAN(**options)), "options": options}
    module = SimpleNamespace(metadata=said, players=["pixel"], step=SimpleNamespace(players=[]))
    cfg = compose_config([f"ckpt_path={tmp_path / 'last.ckpt'}"])

    def resume(written: dict[str, Any]) -> None:
        content = {
            "state_dict": {},
            "global_step": 1,
            "settings": {},
            "players": ["pixel"],
            "optimizer_states": [],  # none is tried here
            "esrgan_train": written,
        }
        torch.save(content, tmp_path / "last.ckpt")
        check_checkpoint(cfg, module)

    resume(said)
    resume({"arch": None, "options": options})  # an early checkpoint, which names no class
    with pytest.raises(UserError, match=r"holds generator spandrel\..*SPAN:SPAN .* asks for spandrel"):
        resume({**said, "target": "spandrel.architectures.SPAN:SPAN"})
