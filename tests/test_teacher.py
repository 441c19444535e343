"""Knowledge distillation: teacher=FILE, and init_match=shared, in whole runs."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator, build_step
from esrgan_train.checks.effects import losses_left_out, options_without_effect
from esrgan_train.config import check, compose_config, with_upscale
from esrgan_train.errors import UserError
from esrgan_train.identity import TEACHER, changed_settings, identity_of
from esrgan_train.inference.geometry import Geometry
from esrgan_train.losses.distillation import TeacherFeaturesLoss, TeacherLoss
from esrgan_train.modelfiles.weights import load_checkpoint, save_model
from esrgan_train.train import train
from esrgan_train.training.features import last_at_lr
from esrgan_train.training.precision import Precision
from esrgan_train.training.teacher import Teacher
from tests.tiny import tiny

COURSE = ("recipe.start_step=2", "trainer.max_steps=4", "trainer.log_every_n_steps=1")
EXACT = Precision("32", "cpu", "a test")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A compact ×4 model, four convolutions deep."""
    torch.manual_seed(7)
    network = SRVGGNetCompact(num_feat=8, num_conv=4)
    save_model(tmp_path / "model.pth", network.state_dict(), {})
    return tmp_path / "model.pth"


def logged(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def test_the_loss_is_the_mean_distance_to_the_teachers_output():
    sr, teacher_sr = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.25)
    assert TeacherLoss()(sr, torch.ones_like(sr), teacher_sr) == 0.25


def test_a_teacher_is_padded_to_what_it_takes_and_changes_nothing():
    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, lr: torch.Tensor) -> torch.Tensor:
            assert lr.shape[-1] % 8 == lr.shape[-2] % 8 == 0
            lr *= 2  # works in place
            return nn.functional.interpolate(self.conv(lr), scale_factor=2.0)

    network = Windows()
    lr = torch.rand(2, 3, 10, 5)
    before = lr.clone()
    sr = Teacher(network, Geometry(scale=2, radius=None, multiple=8))(lr, EXACT)
    assert torch.equal(lr, before)
    assert torch.equal(sr, nn.functional.interpolate(network.conv(2 * lr), scale_factor=2.0))
    assert not sr.requires_grad


@pytest.mark.slow
@pytest.mark.run
def test_a_teacher_counts_in_both_stages_and_stays_out_of_the_checkpoint(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="esrgan_train")
    run = tmp_path / "run"
    train(compose_config(tiny(run, *COURSE, f"teacher={model}")))
    assert len(logged(run, "train/teacher")) == 4
    assert all(value > 0 for value in logged(run, "train/teacher"))
    assert f"teacher       {model}: SRVGGNetCompact ×4" in caplog.text
    assert "pixel stage: pixel 1, teacher 1, teacher_features 0.01" in caplog.text
    assert len(logged(run, "train/teacher_features")) == 4
    checkpoint = load_checkpoint(run / "checkpoints/last.ckpt")
    theirs = set(owners(checkpoint["state_dict"]))
    assert theirs == {"generator", "discriminator", "ema"}
    assert checkpoint["settings"][TEACHER]


def owners(state: dict[str, torch.Tensor]) -> list[str]:
    return [name.partition(".")[0] for name in state]


@pytest.mark.slow
@pytest.mark.run
def test_a_student_that_is_its_teacher_has_nothing_to_learn_and_resumes_bit_for_bit(tmp_path: Path, model: Path):
    same = ("generator.num_conv=4", f"init_from={model}", f"teacher={model}", "loss.pixel.weight=0")
    course = ("experiment=x4_net", "trainer.log_every_n_steps=1")
    train(compose_config([*course, *tiny(tmp_path / "still", *same, "trainer.max_steps=2")]))
    assert logged(tmp_path / "still", "train/teacher") == [0.0, 0.0]
    assert logged(tmp_path / "still", "train/teacher_features") == [0.0, 0.0]

    learning = tiny(tmp_path / "whole", *COURSE, f"teacher={model}")
    train(compose_config(learning))
    parts = tiny(tmp_path / "parts", *COURSE, f"teacher={model}", "recipe.val_check_interval=3")
    train(compose_config([*parts, "trainer.max_steps=3"]))
    train(compose_config([*parts, "ckpt_path=last"]))
    whole, parted = (
        load_checkpoint(tmp_path / name / "checkpoints/last.ckpt")["state_dict"] for name in ("whole", "parts")
    )
    assert all(torch.equal(tensor, parted[name]) for name, tensor in whole.items())


@pytest.mark.slow
def test_another_teacher_is_said_when_a_run_resumes_and_the_same_elsewhere_is_not(tmp_path: Path, model: Path):
    def settings(file: Path) -> dict[str, object]:
        cfg = with_upscale(compose_config(tiny(tmp_path / "run", f"teacher={file}")))
        return identity_of(cfg, processes=1, photos={}, held_out="").settings

    copied = tmp_path / "copied.pth"
    copied.write_bytes(model.read_bytes())
    assert not changed_settings(settings(model), settings(copied))
    other = tmp_path / "other.pth"
    save_model(other, SRVGGNetCompact(num_feat=8, num_conv=1).state_dict(), {})
    (line,) = changed_settings(settings(model), settings(other))
    assert line.startswith(TEACHER)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("teacher=none.pth",), "teacher=none.pth"),
        (("teacher=MODEL", "upscale=2"), "enlarges ×4, but upscale=2: give a teacher of ×2, or upscale=4"),
        (("loss/terms=[teacher]",), "give teacher=model.pth, or loss.teacher.weight=0"),
        (("teacher=",), "teacher"),
        (("init_from=MODEL", "upscale=2"), "or init_match=shared, which takes what fits"),
        (("init_from=MODEL", "init_match=some"), "init_match=some"),
        (
            ("init_from=MODEL", "init_match=shared", "generator.num_feat=12"),
            "has num_feat=8, and no layer of it fits num_feat=12",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    overrides: tuple[str, ...], told: str, tmp_path: Path, model: Path
):
    given = [each.replace("MODEL", str(model)) for each in overrides]
    with pytest.raises(UserError) as refused:
        train(compose_config(tiny(tmp_path / "run", *given)))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_feature_maps_of_another_width_leave_the_outputs_alone(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="esrgan_train")
    run = tiny(tmp_path / "run", f"teacher={model}", "generator.num_feat=6", "experiment=x4_net")
    step = build_step(with_upscale(compose_config(run)), EXACT)
    assert "the generator's feature maps have 6 channels, the teacher's 8" in caplog.text
    assert set(step.objective.names) == {"pixel", "teacher"}


def test_features_are_what_the_last_convolution_is_given():
    torch.manual_seed(0)
    student, teacher = (SRVGGNetCompact(num_feat=8, num_conv=n) for n in (1, 2))
    lr = torch.rand(2, 3, 8, 8)
    loss = TeacherFeaturesLoss()
    loss.watch(student.body[-1], teacher.body[-1])
    assert last_at_lr(student, lr) == ("body.4", 8)
    sr = student(lr)
    with torch.no_grad():
        student(lr.flip(-1))  # without gradients: of validation, or the averaged generator
        taught = teacher(lr)
        expected, given = teacher.body[:-1](lr), student.body[:-1](lr)
    value = loss(sr, sr, taught)
    assert torch.allclose(value, (given - expected).abs().mean() / expected.abs().mean())
    value.backward()
    assert student.body[0].weight.grad.abs().sum() > 0
    assert not loss.seen


def test_options_without_effect_are_said(tmp_path: Path, model: Path):
    left_out = with_upscale(
        compose_config(tiny(tmp_path / "run", f"teacher={model}", "loss/terms=[teacher]", "loss.teacher.weight=0"))
    )
    (line,) = losses_left_out(left_out)
    assert line.startswith("loss.teacher counts nothing")
    plain = compose_config(tiny(tmp_path / "run", "init_match=shared"))
    check(plain)
    (line,) = options_without_effect(plain, ["init_match=shared"])
    assert line.startswith("init_match=shared has no effect: neither init_from")


def test_the_term_that_a_weight_needs_is_named():
    with pytest.raises(UserError, match=r"give loss/terms=\[teacher\] loss.teacher.weight=0.5"):
        compose_config(["teacher=m.pth", "loss.teacher.weight=0.5"])


def test_a_run_without_a_teacher_has_no_such_loss(tmp_path: Path):
    assert "teacher" not in with_upscale(compose_config(tiny(tmp_path / "run"))).loss


def test_what_was_shared_is_told(tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="esrgan_train")
    build_generator(compose_config(tiny(tmp_path / "run", f"init_from={model}", "init_match=shared", "upscale=2")))
    assert "init_from     taken: 9 weights (body.0 to body.5)" in caplog.text
    assert "init_from     derived: 2 weights (body.6), ×2 from ×4 by area" in caplog.text
    assert "init_from     left, not in the network: 6 weights (body.6 to body.9)" in caplog.text
