"""``init_from=starter``: a run that starts from the model that fits it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrgan_train.archs.folding import fold
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.config import check, compose_config, with_upscale
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.starters.catalogue import FOLDER
from esrgan_train.train import build_run, train
from tests.tiny import OVERRIDES

Networks = dict[str, SRVGGNetCompact]
SMALL = "generator=superultracompact"
QUICK = [word for word in OVERRIDES if not word.startswith("generator.")]


def start_of(*words: str) -> str:
    return with_upscale(compose_config(["init_from=starter", *words])).init_from


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ((SMALL, "upscale=2"), "x2_photo"),
        ((SMALL, "upscale=4"), "x4_photo"),
        (("experiment=x2_clean",), "x2_clean"),
        ((SMALL, "upscale=2", "degradation=bicubic"), "x2_clean"),
        (("generator=repsr", "generator.num_feat=24", "generator.num_conv=8", "upscale=2"), "x2_photo"),
        ((SMALL, "upscale=4", "degradation=bicubic"), "x4_photo"),
        (("experiment=x2_photo",), "x2_photo"),
        (("experiment=finetune", SMALL, "upscale=2", "degradation=none"), "x2_photo"),
        (("generator.num_feat=24", "generator.num_conv=8"), "x4_photo"),  # the same network
        (("init_from=x2_clean", SMALL, "upscale=2"), "x2_clean"),  # by its name
        (("init_from=x4_photo", "upscale=3"), "x4_photo"),  # for init_match=shared; whether it fits shows later
    ],
)
def test_the_model_that_fits_is_taken_by_its_file(words: tuple[str, ...], name: str):
    assert start_of(*words) == str(FOLDER / f"{name}.safetensors")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "generator.num_feat=64, generator.num_conv=16"),
        ((SMALL, "upscale=3"), "upscale=3"),
        ((SMALL, "upscale=1"), "upscale=1"),
        (("generator=ultracompact", "upscale=3"), "upscale=3, generator.num_feat=64"),
        ((SMALL, "generator.act_type=relu"), "generator.act_type=relu"),
        ((SMALL, "colour=gray"), "colour=gray"),
        (("generator=repsr",), "generator.num_feat=64, generator.num_conv=16"),
        (("generator=span",), "generator._target_=spandrel.architectures.SPAN.SPAN"),
    ],
)
def test_none_that_fits_is_one_line_that_names_what_would(words: tuple[str, ...], reason: str):
    with pytest.raises(UserError) as refused:
        check(compose_config(["init_from=starter", *words]))
    line = str(refused.value)
    assert line.startswith(f"init_from=starter: no model that ships fits {reason}: ")
    assert "generator=superultracompact and colour=rgb with upscale=2 or upscale=4" in line


@pytest.mark.run
def test_a_run_starts_with_these_weights_says_so_and_resumes(tmp_path: Path, stand_ins: Networks, caplog):
    words = ["experiment=x2_clean", "init_from=starter", *QUICK, f"run_dir={tmp_path / 'run'}"]
    generator = fold(build_run(with_upscale(compose_config(words))).module.generator)
    for name, tensor in stand_ins["x2_clean"].state_dict().items():
        torch.testing.assert_close(generator.state_dict()[name], tensor)

    with caplog.at_level("INFO"):
        train(compose_config([*words, "trainer.max_steps=4"]))
    file = tmp_path / "starters" / "x2_clean.safetensors"
    assert f"init_from: {file}" in (tmp_path / "run/config.yaml").read_text(encoding="utf-8")
    assert f"init_from     {file}" in caplog.messages
    train(compose_config([*words, "trainer.max_steps=8", "ckpt_path=last"]))
    assert load_checkpoint(tmp_path / "run/checkpoints/last.ckpt")["global_step"] == 8
