"""Evaluation writes into no weights, also those of a network that merges its kernels as it is evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from spandrel.architectures.SPAN import SPAN
from torch import Tensor

from esrgan_train.config import compose_config
from esrgan_train.contracts.reading import check_reading, check_start
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.weights import load_weights, save_model
from esrgan_train.train import train
from tests.test_experiments import config_folder
from tests.test_resume import LEARNT, assert_equal, load
from tests.tiny import tiny

OPTIONS: dict[str, Any] = {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 4, "upscale": 4}
CHOICE = "\n".join(["_target_: spandrel.architectures.SPAN.SPAN", *(f"{n}: {v}" for n, v in OPTIONS.items())])


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_kept(module: torch.nn.Module, before: dict[str, Tensor]) -> None:
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_validation_changes_no_weight_and_measures_what_the_network_computes(
    make_module: Any, batches: Any, fit: Any
) -> None:
    torch.manual_seed(0)
    module = make_module(generator=SPAN(**OPTIONS))
    fit(module, batches, steps=2)
    before = weights(module)
    module.eval()
    with torch.inference_mode():
        sr = module.validation_step({name: tensor[:1] for name, tensor in batches[0].items()}, 0)["sr"]
        alone = module(batches[0]["lr"][:1])
    assert_kept(module, before)
    expected = module.ema.module(batches[0]["lr"][:1])
    for found in (sr, alone):
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_checks_at_the_start_change_no_weight(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SPAN(**OPTIONS)
    before = weights(network)
    metadata = {**name_of(network), "options": OPTIONS}
    assert check_reading(network, metadata, lr_side=8) is None
    save_model(tmp_path / "m.pth", before, metadata)
    assert check_start(network, load_weights(tmp_path / "m.pth"), lr_side=8) is None
    assert_kept(network, before)


@pytest.mark.tools
def test_runs_that_validate_and_resume_at_other_iterations_are_equal_bit_for_bit(tmp_path: Path) -> None:
    def run(name: str, steps: int, every: int, *more: str) -> dict[str, Any]:
        chosen = [config_folder(tmp_path / "conf", generator__theirs=CHOICE), "generator=theirs", "upscale=4"]
        small = [each for each in tiny(tmp_path / name) if not each.startswith("generator.")]
        lengths = [f"trainer.max_steps={steps}", f"recipe.val_check_interval={every}", "recipe.start_step=2"]
        train(compose_config([*chosen, *small, *lengths, "scheduler=constant", *more]))
        return load(tmp_path / name)

    once, each_time = run("once", 4, 4), run("often", 4, 1)
    run("parts", 3, 1)
    parts = run("parts", 4, 1, f"ckpt_path={tmp_path / 'parts' / 'checkpoints' / 'last.ckpt'}")
    for key in LEARNT:
        assert_equal(each_time[key], once[key], key)
        assert_equal(parts[key], once[key], key)
