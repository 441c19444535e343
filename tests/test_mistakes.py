"""Every mistake ends with one line on stderr and status 2, and leaves nothing behind."""

from __future__ import annotations

import csv
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from esrgan_train.__main__ import main
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.checks.effects import options_without_effect
from esrgan_train.checks.metrics import TRAINING, VALIDATION
from esrgan_train.checks.sweep import check_sweep
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.train import train
from tests.tiny import tiny

pytestmark = pytest.mark.run

FEATURES = ["loss.perceptual.weight=1"]  # which the demo does without
TINY = ["generator.num_feat=4", "generator.num_conv=1", "discriminator.num_feat=4", "loss.perceptual.weight=0"]

# Overrides, and what the line must contain: what is wrong, and the way out.
# ruff: noqa: E501 — one mistake a line
MISTAKES: list[tuple[str, list[str], list[str]]] = [
    # keys
    ("misspelt key", ["generator.num_fet=32"], ["generator.num_fet=32", "did you mean generator.num_feat?"]),
    ("misspelt group", ["genrator=srvgg"], ["genrator=srvgg", "did you mean generator?"]),
    ("misspelt trainer key", ["trainer.max_stps=5"], ["did you mean trainer.max_steps?"]),
    ("misspelt deep key", ["degradation.first.kernl.sigma=[1,2]"], ["did you mean degradation.first.kernel"]),
    ("key without its group", ["num_conv=8"], ["num_conv=8", "did you mean generator.num_conv?"]),
    ("key of another choice", ["data.train_dir=photos"], ["give data=folder data.train_dir=photos"]),
    ("added root key", ["+foo=1"], ["foo=1", "no such option"]),
    ("added key of a class", ["+generator.num_fet=1"], ["did you mean generator.num_feat?"]),
    ("added key of the training", ["+training.ema_deccay=0.9"], ["did you mean training.ema_decay?"]),
    ("added key of a loss", ["+loss.pixel.wight=1"], ["did you mean loss.pixel.weight?"]),
    ("removed key", ["~trainer.max_stepz"], ["~trainer.max_stepz", "did you mean trainer.max_steps?"]),
    ("not key=value", ["a=b=["], ["a=b=[", "key=value", "'a=\"b=[\"'"]),
    ("neither key=value nor a flag", ["seed=1", "-x"], ["-x", "neither key=value nor a flag"]),
    ("a key with dashes", ["--data.train_dir=photos"], ["no dashes", "give data.train_dir=photos"]),
    ("a key with dashes, its value apart", ["--lr", "0.1"], ["--lr", "give lr=0.1"]),
    ("a flag without its value", ["--config-dir"], ["--config-dir", "expected one argument"]),
    ("a value that Hydra cannot read", ["trainer.max_time=8 h (é)"], ["'trainer.max_time=\"8 h (é)\"'"]),
    ("decimal comma", ["optimizer.lr=0,001"], ["optimizer.lr=0.001", "several values take -m"]),
    ("several values", ["generator.act_type=relu,prelu"], ["-m", "'generator.act_type=[relu,prelu]'"]),
    ("another program's word", ["resume=last"], ["resume=last", "did you mean ckpt_path=last?"]),
    ("a recipe's key", ["gt_size=64"], ["did you mean data.gt_size or recipe.gt_size?"]),
    # choices
    ("generator", ["generator=nosuch"], ["generator=nosuch", "srvgg", "ultracompact"]),
    ("generator, nearly", ["generator=ultracompct"], ["did you mean generator=ultracompact?"]),
    ("experiment", ["experiment=x4_prelo"], ["did you mean experiment=x4_prelu?"]),
    ("logger", ["logger=nosuch"], ["logger=nosuch", "csv", "wandb"]),
    ("loss", ["loss/pixel=charbonier"], ["did you mean loss/pixel=charbonnier?"]),
    ("part of a loss", ["loss=l1"], ["loss=l1", "did you mean loss/pixel=l1?"]),
    ("no part of a loss", ["loss=mse"], ["loss=mse", "loss/pixel="]),
    ("one of a list of choices", ["augmentation=[mixupp]"], ["augmentation=mixupp", "did you mean mixup?"]),
    ("choice of another group", ["optimizer=cosine"], ["did you mean scheduler=cosine?"]),
    ("no choice", ["generator=null"], ["generator=null", "--help"]),
    # types
    ("number of features", ["generator.num_feat=abc"], ["generator.num_feat=abc", "a whole number"]),
    ("learning rate", ["optimizer.lr=fast"], ["optimizer.lr=fast", "a number above 0"]),
    ("one beta", ["optimizer.generator.betas=[0.9]"], ["optimizer.generator.betas=[0.9]", "a list of 2"]),
    ("flag", ["training.usm=maybe"], ["training.usm=maybe", "true or false"]),
    ("range", ["degradation.first.jpeg_quality=5"], ["degradation.first.jpeg_quality=5", "a list of 2"]),
    ("a misspelt class", ["scheduler._target_=esrgan_train.training.schedule.Constnt"], ["schedule.Constant?"]),
    ("no module", ["scheduler._target_=nosuch.Thing"], ["scheduler._target_=nosuch.Thing", "no module nosuch"]),
    # bounds
    ("activation", ["generator.act_type=gelu"], ["act_type=gelu", "prelu, relu, leakyrelu"]),
    ("upscale 0", ["upscale=0"], ["upscale=0", "from 1 to 16"]),
    ("two scales", ["generator.upscale=2"], ["generator.upscale=2", "give upscale=2"]),
    ("crop", ["data.gt_size=130"], ["data.gt_size=130", "128 or 136"]),
    ("batch", ["data.batch_size=-1"], ["data.batch_size=-1", "from 1 on"]),
    ("workers", ["data.num_workers=-2"], ["data.num_workers=-2", "auto"]),
    ("largest held out", ["data.val_max_size=10"], ["data.val_max_size=10", "from 64 on or null"]),
    ("bad fraction", ["data.max_bad_fraction=2"], ["data.max_bad_fraction=2", "from 0 to 1"]),
    ("scales", ["data.scales=[2]"], ["data.scales=[2]", "[1,0.75,0.5]"]),
    ("precision", ["trainer.precision=17"], ["trainer.precision=17", "auto, 32, bf16"]),
    ("negative learning rate", ["optimizer.lr=-1"], ["optimizer.lr=-1", "such as 1e-4"]),
    ("beta of 1.5", ["optimizer.generator.betas=[0.9,1.5]", *TINY], ["optimizer.generator", "beta", "1.5"]),
    ("no steps", ["trainer.max_steps=0"], ["trainer.max_steps=0", "from 1 on"]),
    ("no validation", ["trainer.val_check_interval=0"], ["trainer.val_check_interval=0", "from 1 on"]),
    ("validation in epochs", ["trainer.val_check_interval=0.5"], ["trainer.val_check_interval=0.5", "a whole"]),
    ("no photos to validate", ["trainer.limit_val_batches=0"], ["trainer.limit_val_batches=0", "from 1 on"]),
    ("time", ["trainer.max_time=8h"], ["trainer.max_time=8h", "00:08:00:00"]),
    ("EMA", ["training.ema_decay=1.5"], ["training.ema_decay=1.5", "such as 0.999"]),
    ("accumulation", ["training.accumulate=0"], ["training.accumulate=0", "from 1 on"]),
    ("clipping", ["training.grad_clip=-1"], ["training.grad_clip=-1", "no clipping"]),
    ("first weights", ["training.init=xavier"], ["training.init=xavier", "default"]),
    ("pixel weight", ["loss.pixel.weight=-1"], ["loss.pixel.weight=-1", "from 0 on"]),
    ("start of the GAN stage", ["loss.adversarial.start_step=-5"], ["loss.adversarial.start_step=-5", "from 0 on"]),
    ("range reversed", ["degradation.first.jpeg_quality=[95,30]"], ["jpeg_quality=[95,30]", "ascending"]),
    ("probability", ["degradation.second.blur_prob=1.5"], ["blur_prob=1.5", "from 0 to 1"]),
    ("milestones", ["scheduler=multistep", "scheduler.milestones=[5,3]"], ["scheduler.milestones=[5,3]", "ascending"]),
    ("seed", ["seed=-1"], ["seed=-1", "from 0 to"]),
    ("a seed beyond NumPy's", ["seed=4294967296"], ["seed=4294967296", "to 4294967295"]),
    ("another seed beyond it", ["loss.perceptual.function.seed=4294967296"], ["loss.perceptual.function.seed=4294967296", "to 4294967295"]),
    ("a flag for a number", ["trainer.max_steps=true"], ["trainer.max_steps=true", "a whole number from 1 on"]),
    ("a fraction for a whole number", ["data.batch_size=4.0"], ["data.batch_size=4.0", "a whole number from 1 on"]),
    ("text for a number", ["data.batch_size='4'"], ["data.batch_size=4", "a whole number from 1 on"]),
    ("a model name with folders", ["model_name=a/b"], ["model_name=a/b", "a file name without folders"]),
    ("previews", ["callbacks.previews.crop=0"], ["callbacks.previews.crop=0: give a whole number from 1 on"]),
    ("checkpoints kept", ["callbacks.checkpoints.every_n_steps=0"], ["callbacks.checkpoints.every_n_steps=0", "null"]),
    # decided by this training itself
    ("epochs", ["+trainer.max_epochs=3"], ["trainer.max_epochs=3", "trainer.max_steps"]),
    ("Lightning's clipping", ["+trainer.gradient_clip_val=1"], ["give training.grad_clip"]),
    ("Lightning's accumulation", ["+trainer.accumulate_grad_batches=2"], ["give training.accumulate"]),
    # metrics
    ("LPIPS off", ["callbacks.checkpoints.monitor=val/lpips", "callbacks.lpips.use=false"], ["give callbacks.lpips.use=true"]),
    ("LPIPS out", ["optimized_metric=val/lpips", "callbacks.lpips=null"], ["callbacks.lpips=null", "leave"]),
    ("monitor", ["callbacks.checkpoints.monitor=val/nosuch"], ["callbacks.checkpoints.monitor=val/nosuch", "val/psnr"]),
    ("monitor of a stage", ["callbacks.checkpoints.monitor.gan=val/dist"], ["callbacks.checkpoints.monitor.gan=val/dist", "did you mean"]),
    ("no stage", ["callbacks.checkpoints.monitor.gam=last"], ["callbacks.checkpoints.monitor.gam", "gan"]),
    ("a mode that is wrong", ["callbacks.checkpoints.monitor=val/ssim", "callbacks.checkpoints.mode=min"], ["callbacks.checkpoints.mode=min", "larger values of val/ssim"]),
    ("DISTS without weights", ["callbacks.checkpoints.monitor.gan=val/dists", "callbacks.dists.use=false"], ["give callbacks.dists.use=true"]),
    ("NIQE without parameters", ["callbacks.checkpoints.monitor.gan=val/niqe"], ["callbacks.niqe.parameters is null", "basicsr"]),
    ("draws", ["data.val_draws=0"], ["data.val_draws=0", "from 1 on"]),
    ("monitor's mode", ["callbacks.checkpoints.mode=most"], ["callbacks.checkpoints.mode=most", "max", "min"]),
    ("optimized metric", ["optimized_metric=val/nosuch"], ["optimized_metric=val/nosuch", "val/psnr"]),
    # devices
    ("no GPU", ["trainer.accelerator=gpu"], ["trainer.accelerator=gpu", "trainer.accelerator=auto or cpu"]),
    ("accelerator", ["trainer.accelerator=tpux"], ["trainer.accelerator=tpux", "did you mean tpu?"]),
    ("no devices", ["trainer.devices=0"], ["trainer.devices=0", "from 1 on"]),
    ("devices in words", ["trainer.devices=many"], ["trainer.devices=many", "from 1 on"]),
    # photos
    ("no folder given", ["data=folder"], ["data.train_dir", "give data.train_dir=my/photos"]),
    ("missing folder", ["data=folder", "data.train_dir=nowhere", *TINY], ["data.train_dir=nowhere"]),
    ("empty folder", ["data=folder", "data.train_dir=empty", *TINY], ["data.train_dir=empty"]),
    ("one photo", ["data=folder", "data.train_dir=one", *TINY], ["data.train_dir=one", "data.val_dir"]),
    ("same folder", ["data=folder", "data.train_dir=two", "data.val_dir=two", *TINY], ["overlap"]),
    ("share held out", ["data=folder", "data.train_dir=two", "data.val_fraction=1.5", *TINY], ["data.val_fraction=1.5"]),
    # weights and checkpoints
    ("features", [*FEATURES, "loss.perceptual.features=nofile.pth"], ["loss.perceptual.features=nofile.pth", "random"]),
    ("no weights", ["init_from=nofile.pth"], ["init_from=nofile.pth does not exist"]),
    ("no discriminator", ["init_discriminator_from=nofile.pth", *TINY], ["init_discriminator_from=nofile.pth does not"]),
    ("features that are none", [*FEATURES, "loss.perceptual.features=words.txt"], ["loss.perceptual.features=words.txt is damaged"]),
    ("weights of no model", ["init_from=words.txt"], ["init_from=words.txt", ".safetensors"]),
    ("damaged weights", ["init_from=damaged.pth"], ["damaged.pth", "damaged"]),
    ("weights that run code", ["init_from=evil.pth"], ["evil.pth", "run code"]),
    ("weights of another shape", ["init_from=small.pth"], ["small.pth", "generator.num_feat=8"]),
    ("no checkpoint", ["ckpt_path=nofile.ckpt", *TINY], ["ckpt_path=nofile.ckpt"]),
    ("a folder as checkpoint", ["ckpt_path=empty", *TINY], ["ckpt_path=empty"]),
    ("weights as checkpoint", ["ckpt_path=small.pth", *TINY], ["ckpt_path=small.pth", "init_from"]),
    ("another network's checkpoint", ["ckpt_path=relu.ckpt", *TINY], ["relu.ckpt", "act_type", "give the same"]),
]  # fmt: skip

HAS_GPU = torch.cuda.is_available() or torch.backends.mps.is_available()


class Evil:
    """Opening this pickle would make a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("opened",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the mistakes name; no mistake may change it."""
    folder = tmp_path_factory.mktemp("mistakes")
    for name, photos in (("empty", 0), ("one", 1), ("two", 2)):
        (folder / name).mkdir()
        for number in range(photos):
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    (folder / "words.txt").write_text("no weights")
    (folder / "damaged.pth").write_bytes(b"PK\x03\x04 cut off")
    (folder / "evil.pth").write_bytes(pickle.dumps({"params": Evil()}))
    small = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)
    save_model(folder / "small.pth", small.state_dict(), {})
    metadata = {
        "arch": "srvgg",
        "options": {
            "num_in_ch": 3,
            "num_out_ch": 3,
            "num_feat": 4,
            "num_conv": 1,
            "upscale": 4,
            "act_type": "relu",
        },
    }
    players = ["pixel", "generator", "discriminator"]
    torch.save(
        {"state_dict": {}, "global_step": 1, "esrgan_train": metadata, "players": players, "settings": {}},
        folder / "relu.ckpt",
    )
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


Command = Callable[..., int]


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in this process, run in the folder; its exit status."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["esrgan_train", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    return run


@pytest.mark.parametrize(("overrides", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_reported_in_one_line_and_leaves_no_files(
    overrides: list[str], expected: list[str], folder: Path, command: Command, capfd: pytest.CaptureFixture[str]
):
    if overrides == ["trainer.accelerator=gpu"] and HAS_GPU:
        pytest.skip("there is a GPU here")
    before = contents(folder)
    status = command(*overrides)
    lines = capfd.readouterr().err.splitlines()
    assert status == 2
    assert len(lines) == 1, lines
    for words in expected:
        assert words in lines[0]
    assert lines[0].startswith("error: ")
    assert contents(folder) == before


def test_there_are_many_mistakes_and_no_two_are_the_same():
    assert len(MISTAKES) >= 45
    assert len({name for name, *_ in MISTAKES}) == len({tuple(m[1]) for m in MISTAKES}) == len(MISTAKES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["generator.num_fet=32"], "did you mean generator.num_feat?"),
        (["data=folder", "data.train_dir=nowhere", *TINY], "nowhere"),
    ],
)
def test_a_mistake_is_reported_in_one_line_by_a_process_of_its_own(
    arguments: list[str], expected: str, folder: Path
):
    before = contents(folder)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    environment.pop("HYDRA_FULL_ERROR", None)
    done = subprocess.run(
        [sys.executable, "-m", "esrgan_train", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert expected in done.stderr
    assert contents(folder) == before


def test_a_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["esrgan_train", "seed=-1"])
    with pytest.raises(Exception, match="seed=-1"):
        main()


# sweeps


@pytest.mark.slow
def test_a_failed_job_of_a_sweep_is_reported_with_its_overrides_and_the_others_run(
    command: Command, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    trained = []

    def fake_train(cfg: Any, **_: Any) -> None:
        trained.append(cfg.generator.num_feat)
        check(cfg)
        if cfg.generator.num_feat == 8:
            raise RuntimeError("out of luck")

    monkeypatch.setattr("esrgan_train.__main__.train", fake_train)
    assert command("-m", "generator.num_feat=4,8,16", "seed=0,-1") == 2  # the worst of 0, 1 and 2
    lines = capfd.readouterr().err.splitlines()
    assert trained == [4, 4, 8, 8, 16, 16]
    assert [line.split(")")[0] for line in lines] == [
        "job 1 (generator.num_feat=4 seed=-1",
        "job 2 (generator.num_feat=8 seed=0",
        "job 3 (generator.num_feat=8 seed=-1",
        "job 5 (generator.num_feat=16 seed=-1",
    ]
    assert "seed=-1: give a whole number" in lines[0]
    assert "RuntimeError: out of luck" in lines[1]


@pytest.mark.slow
def test_a_failure_alone_gives_a_sweep_status_1(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("esrgan_train.__main__.train", fail)
    assert command("-m", "generator.num_feat=4,8") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["generator.num_feat=4,8", "trainer.devices=2"], "trainer.devices=2"),
        (["generator.num_feat=4,8", "trainer.num_nodes=2"], "trainer.num_nodes=2"),
        (["trainer.devices=1,2"], "trainer.devices=2"),
        (["generator.num_feat=4,8", "trainer.devices=[0,1]"], "trainer.devices=[0,1]"),
    ],
)
def test_a_sweep_over_several_processes_is_refused_before_it_starts(
    arguments: list[str], expected: str, command: Command, folder: Path, capfd: pytest.CaptureFixture[str]
):
    before = contents(folder)
    assert command("-m", *arguments) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert expected in lines[0]
    assert "submitit" in lines[0]
    assert "shell loop" in lines[0]
    assert contents(folder) == before


def test_a_launcher_that_starts_cluster_jobs_may_use_several_processes():
    trainer = OmegaConf.create({"devices": 2, "num_nodes": 2})
    check_sweep(trainer, "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher")
    with pytest.raises(UserError, match="every process would run"):
        check_sweep(trainer, "hydra._internal.core_plugins.basic_launcher.BasicLauncher")


def test_a_misspelt_key_ends_a_sweep_before_its_folder_exists(
    command: Command, folder: Path, capfd: pytest.CaptureFixture[str]
):
    before = contents(folder)
    assert command("-m", "generator.num_fet=4,8") == 2
    assert "did you mean generator.num_feat?" in capfd.readouterr().err
    assert contents(folder) == before


# options without effect


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["loss.perceptual.weight=0", "loss.perceptual.features=imagenet"], "loss.perceptual.features"),
        (["loss.adversarial.weight=0", "discriminator.num_feat=32"], "discriminator.num_feat"),
        (
            ["loss.adversarial.weight=0", "optimizer.discriminator.betas=[0.5,0.9]"],
            "optimizer.discriminator.betas",
        ),
        (["experiment=x4_net", "optimizer.lr=1e-3"], "optimizer.lr"),
        (["experiment=x4_net", "loss.adversarial.start_step=5"], "loss.adversarial.start_step"),
        (["trainer.max_steps=5", "optimizer.lr=1e-3"], "optimizer.lr"),
        (["loss.adversarial.start_step=0", "optimizer.pixel_lr=1e-3"], "optimizer.pixel_lr"),
        (["init_from=model.pth", "training.init=default"], "training.init"),
        (["ckpt_path=last", "init_from=model.pth"], "init_from"),
        (["data=folder", "data.train_dir=a", "data.val_dir=b", "data.val_fraction=0.1"], "data.val_fraction"),
        (["scheduler=multistep", "scheduler.milestones=[5000]"], "scheduler.milestones"),
        (["degradation.first.blur_prob=0", "degradation.first.kernel.sinc_prob=0.5"], "degradation.first.kernel"),
        (["recipe=published", "loss.perceptual.function.seed=3"], "loss.perceptual.function.seed"),
        (["training.ema_decay=0", "training.ema_warmup=false"], "training.ema_warmup"),
    ],
)
def test_an_option_without_effect_is_reported(overrides: list[str], expected: str):
    lines = list(options_without_effect(compose_config(overrides), overrides))
    assert len(lines) == 1
    assert lines[0].startswith(expected)
    assert "has no effect: " in lines[0]


@pytest.mark.parametrize(
    "overrides",
    [
        [*FEATURES, "loss.perceptual.features=imagenet", "discriminator.num_feat=32", "optimizer.lr=1e-3"],
        ["loss.perceptual.weight=0", "loss.adversarial.start_step=5", "optimizer.pixel_lr=1e-3"],
        ["ckpt_path=auto", "init_from=model.pth"],
        [*FEATURES, "loss.perceptual.function.seed=3"],
    ],
)
def test_an_option_with_effect_is_not_reported(overrides: list[str]):
    assert list(options_without_effect(compose_config(overrides), overrides)) == []


@pytest.mark.parametrize("word", ["last", "auto"])
def test_words_for_resuming_pass_the_checks(word: str):
    cfg = compose_config([f"ckpt_path={word}"])
    check(cfg)
    assert cfg.ckpt_path == word  # still a word: which file it means is decided later


@pytest.mark.slow
def test_every_choice_passes_the_checks():
    root = config_dir()
    checked = 0
    for group in ("experiment", "recipe", "degradation", "scheduler", "logger", "debug"):
        for file in sorted((root / group).glob("*.yaml")):
            check(compose_config([f"{group}={file.stem}"]))
            checked += 1
    assert checked > 30  # the folders were found


@pytest.mark.slow
def test_names_of_metrics_are_those_that_a_run_logs(tmp_path: Path):
    overrides = ["recipe.start_step=1", "trainer.max_steps=2", "trainer.log_every_n_steps=1"]
    train(compose_config(tiny(tmp_path, *overrides, "loss.perceptual.weight=1", "trainer.val_check_interval=2")))
    with (tmp_path / "metrics.csv").open(newline="") as file:
        logged = set(next(csv.reader(file)))
    assert set(VALIDATION) == {name for name in logged if name.startswith("val/")}
    assert set(TRAINING) <= logged
