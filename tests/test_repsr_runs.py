"""Whole runs of ``generator=repsr``: resumed bit for bit, started from files, and their models used elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import spandrel
import torch
from torch import nn

from esrgan_train import load_generator
from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator
from esrgan_train.config import compose_config
from esrgan_train.export.__main__ import main as export
from esrgan_train.interpolate import main as interpolate
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.teaching import build_teacher
from tests.same_output import assert_same_output
from tests.test_resume import LEARNT, assert_equal, run
from tests.tiny import tiny

pytestmark = pytest.mark.run
REPSR = ("generator=repsr", "training.channels_last=true")


@pytest.mark.slow
def test_both_stages_resume_bit_for_bit_and_the_model_is_compact(tmp_path: Path):
    whole = run(tmp_path / "whole", *REPSR, "trainer.max_steps=8")
    first = run(tmp_path / "parts", *REPSR, "trainer.max_steps=6")
    assert "ema.module.branches.hidden.spread" in first["state_dict"]
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    parts = run(tmp_path / "parts", *REPSR, "trainer.max_steps=8", f"ckpt_path={last}")
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)
    lr, file = torch.rand(1, 3, 11, 8), tmp_path / "parts" / "model" / "x4_repsr.safetensors"
    opened = spandrel.ModelLoader().load_from_file(file)
    assert opened.architecture.id == "Compact"
    options = parts["esrgan_train"]["options"]
    trained = RepSR(**options)
    trained.load_state_dict(load_weights(last, branches=True).state_dict)
    for network in (opened.model, load_generator(last), load_generator(file)):
        assert_same_output(network, trained, lr)


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a run in its pixel stage."""
    folder = tmp_path_factory.mktemp("first")
    run(folder, *REPSR, "trainer.max_steps=2")
    return folder / "checkpoints" / "last.ckpt"


def first_weights(folder: Path, *overrides: str) -> nn.Module:
    return build_generator(compose_config(tiny(folder, *overrides)))


@pytest.mark.slow
def test_a_checkpoint_is_taken_with_its_branches_or_merged(last: Path, tmp_path: Path):
    lr, expected = torch.rand(1, 3, 9, 6), load_generator(last)
    again = first_weights(tmp_path, *REPSR, f"init_from={last}")
    trained = load_weights(last, branches=True).state_dict
    torch.testing.assert_close(dict(again.state_dict()), trained, rtol=0, atol=0)
    for match in ("exact", "shared"):
        plain = first_weights(tmp_path, f"init_from={last}", f"init_match={match}")
        assert type(plain) is SRVGGNetCompact
        assert_same_output(plain, expected, lr)


@pytest.mark.parametrize("match", ["exact", "shared"])
def test_it_starts_from_a_compact_models_file(last: Path, tmp_path: Path, match: str):
    file = last.parents[1] / "model" / "x4_repsr.pth"
    network = first_weights(tmp_path, *REPSR, f"init_from={file}", f"init_match={match}")
    assert type(network) is RepSR
    lr = torch.rand(1, 3, 7, 7)
    theirs = spandrel.ModelLoader().load_from_file(file).model
    assert_same_output(network, theirs, lr)


def test_a_checkpoint_is_exported_mixed_and_taught_from(last: Path, tmp_path: Path):
    lr, expected = torch.rand(1, 3, 9, 6), load_generator(last)
    assert export([str(last), "-o", str(tmp_path / "out"), "--format", "pth"]) == 0
    pth = next((tmp_path / "out").glob("*.pth"))
    assert spandrel.ModelLoader().load_from_file(pth).architecture.id == "Compact"
    assert interpolate([str(last), str(pth), "--weight", "0.5", "-o", str(tmp_path / "mixed.pth")]) == 0
    assert_same_output(load_generator(tmp_path / "mixed.pth"), expected, lr)
    teacher = build_teacher(compose_config(tiny(tmp_path, "loss/terms=[teacher]", f"teacher={last}")))
    assert type(teacher.network) is SRVGGNetCompact


def test_a_run_with_options_of_its_own_starts_as_bilinear(tmp_path: Path):
    own = ("generator.num_feat=6", "generator.branch_ratio=3", "training.init=bilinear", "seed=3")
    states = []
    for name in ("repsr", "srvgg"):
        torch.manual_seed(3)
        more = own if name == "repsr" else (own[0], own[2])
        states.append(first_weights(tmp_path, f"generator={name}", *more))
    lr = torch.rand(1, 3, 8, 8)
    assert_same_output(states[0], states[1], lr)
