"""The module with a Trainer and a loader that are not this project's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from esrgan_train.errors import UserError
from esrgan_train.training.module import ESRGANModule
from tests.tiny import quiet_trainer

Batch = dict[str, torch.Tensor]


def test_a_batch_without_a_target_of_its_own_is_trained_on_hr(make_module: Any, batches: list[Batch], fit: Any):
    plain = [{name: batch[name] for name in ("lr", "hr")} for batch in batches[:3]]
    full = [{**batch, "hr_target": batch["hr"]} for batch in plain]
    states = []
    for given in (plain, full):
        module = make_module()
        fit(module, given, steps=3)
        states.append(module.generator.state_dict())
    assert all(torch.equal(states[0][name], tensor) for name, tensor in states[1].items())


def test_a_plain_loader_validates(make_module: Any, batches: list[Batch]):
    module = make_module()
    plain = DataLoader([{name: batch[name] for name in ("lr", "hr")} for batch in batches[:2]], batch_size=None)
    trainer = quiet_trainer()
    trainer.validate(module, plain, verbose=False)
    assert 0 < trainer.callback_metrics["val/psnr"] < 100


@pytest.mark.parametrize(
    "given", [{"lr": torch.rand(2, 3, 8, 8)}, (torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32))]
)
def test_another_batch_is_reported_in_one_line(make_module: Any, fit: Any, given: Any):
    with pytest.raises(UserError, match=r"ESRGANModule takes a dict with lr \(B, 3, h, w\) and hr"):
        fit(make_module(), [given], steps=1)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_a_trainer_with_a_precision_of_its_own_is_refused_in_one_line(
    make_module: Any,
    batches: list[Batch],
    precision: Any,
):
    with pytest.raises(
        UserError, match=rf"Trainer\(precision='{precision}'\) does not go .*choose_precision\('bf16'"
    ):
        quiet_trainer(max_steps=1, precision=precision).fit(make_module(), DataLoader(batches, batch_size=None))


def test_a_checkpoint_alone_makes_no_training(tmp_path: Path, make_module: Any, batches: list[Batch], fit: Any):
    with pytest.raises(UserError, match=r"needs step, .* use esrgan_train\.load_generator\('last\.ckpt'\)"):
        ESRGANModule.load_from_checkpoint("last.ckpt")
    module = make_module()
    fit(module, batches, steps=1).save_checkpoint(tmp_path / "last.ckpt")
    parts = {"step": make_module().step, "upscale": 4, "metadata": {}}
    again = ESRGANModule.load_from_checkpoint(tmp_path / "last.ckpt", **parts, weights_only=True)
    for name, tensor in module.generator.state_dict().items():
        assert torch.equal(again.generator.state_dict()[name], tensor)
