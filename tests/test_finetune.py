"""experiment=finetune: going on from weights of other files, for both networks."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import pytest
import torch

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_datamodule, build_discriminator, build_generator
from esrgan_train.checks.effects import random_features_on_trained_weights
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.metrics.image_quality import psnr
from esrgan_train.modelfiles.weights import load_checkpoint, save_model
from esrgan_train.train import train
from tests.tiny import tiny


@pytest.fixture
def generator() -> SRVGGNetCompact:
    torch.manual_seed(1)
    return SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)


@pytest.fixture
def discriminator() -> UNetDiscriminatorSN:
    torch.manual_seed(2)
    return UNetDiscriminatorSN(num_feat=8)


def same(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.run
def test_both_networks_start_from_published_files_and_from_a_checkpoint_of_ours(
    tmp_path: Path, generator: SRVGGNetCompact, discriminator: UNetDiscriminatorSN
):
    torch.save({"params": generator.state_dict()}, tmp_path / "params.pth")
    other = {name: tensor + 1 for name, tensor in generator.state_dict().items()}
    torch.save({"params": other, "params_ema": generator.state_dict()}, tmp_path / "params_ema.pth")
    save_model(tmp_path / "g.safetensors", generator.state_dict(), {})
    torch.save({"params": discriminator.state_dict()}, tmp_path / "net_d.pth")
    save_model(tmp_path / "net_d.safetensors", discriminator.state_dict(), {})
    files = [("params.pth", "net_d.pth"), ("params_ema.pth", "net_d.safetensors"), ("g.safetensors", "net_d.pth")]
    for g, d in files:
        init = (f"init_from={tmp_path / g}", f"init_discriminator_from={tmp_path / d}")
        cfg = compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init)])
        check(cfg)
        assert same(build_generator(cfg), generator)
        assert same(build_discriminator(cfg), discriminator)

    train(compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init, "trainer.max_steps=4")]))
    last = tmp_path / "run/checkpoints/last.ckpt"
    init = (f"init_from={last}", f"init_discriminator_from={last}")
    cfg = compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init)])
    trained = load_checkpoint(last)["state_dict"]
    for built, prefix in ((build_generator(cfg), "ema.module."), (build_discriminator(cfg), "discriminator.")):
        for name, tensor in built.state_dict().items():
            assert torch.equal(tensor, trained[prefix + name])
    assert not torch.equal(
        built.state_dict()["conv1.weight_orig"], discriminator.state_dict()["conv1.weight_orig"]
    )


@pytest.mark.slow
def test_fine_tuning_starts_safely(tmp_path: Path):
    cfg = compose_config(["experiment=finetune", "init_from=m.pth", "data=folder", f"data.train_dir={tmp_path}"])
    assert cfg.loss.adversarial.start_step == 0
    assert 0 < cfg.loss.adversarial.discriminator_warmup < cfg.trainer.max_steps / 10
    assert cfg.optimizer.generator.lr == cfg.optimizer.discriminator.lr == 1e-4
    assert cfg.callbacks.health.signs.colour_shift.limit > 0
    with pytest.raises(UserError, match=r"continues from a trained model: give init_from=FILE"):
        build_generator(compose_config(["experiment=finetune"]))


@pytest.mark.slow
def test_a_discriminator_that_does_not_fit_is_refused_with_options_that_would(
    tmp_path: Path, generator: SRVGGNetCompact
):
    save_model(tmp_path / "g.pth", generator.state_dict(), {})
    wide = UNetDiscriminatorSN(num_feat=4, normalize_ends=True)
    save_model(tmp_path / "wide.pth", wide.state_dict(), {})

    def start(file: str, *more: str) -> None:
        overrides = tiny(tmp_path / "run", f"init_discriminator_from={tmp_path / file}", *more)
        build_discriminator(compose_config(overrides))

    with pytest.raises(UserError) as refused:
        start("wide.pth")
    message = str(refused.value)
    assert message.startswith(f"init_discriminator_from={tmp_path / 'wide.pth'} does not fit UNetDiscriminatorSN")
    assert "conv0.weight is missing" in message
    assert message.endswith("they fit discriminator.num_feat=4 discriminator.normalize_ends=true")
    start("wide.pth", "discriminator.num_feat=4", "discriminator.normalize_ends=true")
    with pytest.raises(UserError, match="give the weights of a discriminator"):
        start("g.pth")
    with pytest.raises(UserError, match="give them as init_discriminator_from"):
        build_generator(compose_config(tiny(tmp_path / "run", f"init_from={tmp_path / 'wide.pth'}")))


@pytest.mark.run
def test_a_checkpoint_of_the_pixel_stage_holds_no_discriminator(tmp_path: Path):
    train(compose_config(["experiment=x4_net", *tiny(tmp_path / "run", "trainer.max_steps=4")]))
    last = tmp_path / "run/checkpoints/last.ckpt"
    with pytest.raises(UserError, match="is a checkpoint without a discriminator"):
        build_discriminator(compose_config(tiny(tmp_path / "run", f"init_discriminator_from={last}")))


@pytest.mark.parametrize(("option", "poison"), [("init_from", math.nan), ("init_discriminator_from", -math.inf)])
def test_weights_that_are_not_finite_are_refused_at_the_start(
    option: str, poison: float, tmp_path: Path, generator: SRVGGNetCompact, discriminator: UNetDiscriminatorSN
):
    network = generator if option == "init_from" else discriminator
    name = [name for name, tensor in network.state_dict().items() if tensor.dim() == 4][-1]
    network.state_dict()[name][0, 0, 1, 1] = poison
    file = tmp_path / "diverged.pth"
    save_model(file, network.state_dict(), {})
    cfg = compose_config(tiny(tmp_path / "run", f"{option}={file}", "trainer.max_steps=1", "recipe.start_step=0"))
    with pytest.raises(UserError) as refused:
        train(cfg)
    assert str(refused.value).startswith(f"{option}={file} holds NaN or infinity (in {name})")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.run
def test_the_start_is_measured_shown_and_kept_when_the_run_resumes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    """Bilinear enlargement, spoilt by a learning rate three hundred times too high."""
    torch.manual_seed(0)
    start = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)
    start_as_bilinear(start)
    save_model(tmp_path / "start.pth", start.state_dict(), {})
    run_dir = tmp_path / "run"
    overrides = ["experiment=finetune", *tiny(run_dir, "trainer.num_sanity_val_steps=-1", "optimizer.lr=0.03")]
    overrides += [f"init_from={tmp_path / 'start.pth'}", "trainer.val_check_interval=2"]
    with caplog.at_level(logging.INFO):
        train(compose_config([*overrides, "trainer.max_steps=2"]))
        train(compose_config([*overrides, "trainer.max_steps=4", "ckpt_path=last"]))

    photos = build_datamodule(compose_config(overrides)).validation
    with torch.inference_mode():
        scores = [float(psnr(start(p["lr"][None]), p["hr"][None], 4)) for p in map(photos.__getitem__, range(3))]
    measured = sum(scores) / len(scores)
    rows = [row for row in read_rows(run_dir / "metrics.csv") if row["val/psnr"]]
    assert [row["step"] for row in rows] == ["0", "2", "4"]  # once, also after resuming
    assert float(rows[0]["val/psnr"]) == pytest.approx(measured, abs=1e-3)
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["start"]["from"] == str(tmp_path / "start.pth")
    assert summary["start"]["psnr"] == pytest.approx(measured, abs=1e-3)
    assert f"iteration 0: val/psnr {measured:.2f} dB" in caplog.text

    table = capsys.readouterr().out.splitlines()
    (line, again) = (line for line in table if "start, as given" in line)
    assert line == again
    assert f"{measured:.2f}" in line
    start, *_, last = (float(row["val/psnr_y"]) for row in rows)
    assert last < start - 1
    warned = [r.getMessage() for r in caplog.records if "worse than that of the start" in r.getMessage()]
    assert f"the last val/psnr_y of the GAN stage, {last:.4g} after" in warned[-1]  # no LPIPS is there
    assert f"{start:.4g}" in warned[-1]


@pytest.mark.slow
@pytest.mark.run
def test_a_trial_of_some_photos_is_no_measurement_of_the_start(tmp_path: Path):
    train(compose_config(tiny(tmp_path / "run", "trainer.num_sanity_val_steps=1", "trainer.max_steps=4")))
    assert "0" not in [row["step"] for row in read_rows(tmp_path / "run/metrics.csv")]
    assert json.loads((tmp_path / "run/summary.json").read_text())["start"] == {}


@pytest.mark.run
@pytest.mark.parametrize(
    ("overrides", "harm"),
    [
        (("experiment=finetune",), False),  # the recipe leaves the loss out
        (("experiment=finetune", "loss.perceptual.weight=1"), True),
        (("experiment=finetune", "loss.perceptual.weight=1", "loss.perceptual.features=vgg.pth"), False),
        (("experiment=finetune", "loss.perceptual.weight=1", "ckpt_path=run.ckpt"), False),  # said when it began
        (("experiment=x4_prelu", "loss.perceptual.weight=1"), True),
        (("experiment=x4_prelu",), False),
        (("loss.perceptual.weight=1", "trainer.max_steps=600"), False),  # the pixel stage alone
        (("experiment=x4_net",), False),
    ],
)
def test_trained_weights_are_not_left_to_random_features_unwarned(overrides: tuple[str, ...], harm: bool):
    cfg = compose_config(["recipe=demo", "init_from=good.pth", *overrides])
    lines = list(random_features_on_trained_weights(cfg))
    assert len(lines) == harm
    assert all("loss.perceptual.weight=0, or loss.perceptual.features=imagenet" in line for line in lines)
