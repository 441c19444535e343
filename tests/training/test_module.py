from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer

from esrgan_train.training.precision import Precision


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max((one[name] - other[name]).abs().max().item() for name in one)


def freeze_power_iterations(module: Any, batch: dict[str, torch.Tensor]) -> None:
    """Let spectral normalisation converge, then stop its power iterations: every pass is the same."""
    with torch.no_grad():
        for _ in range(30):
            module.discriminator(batch["hr"])
    module.discriminator.eval()


def backward(module: Any, images: dict[str, torch.Tensor], **more: Any) -> dict[str, torch.Tensor]:
    """Leave the gradients of the GAN stage."""
    measured: dict[str, torch.Tensor] = module.step.backward(images, module.objective.stages["gan"], **more)
    return measured


class Watch(Callback):
    """Keeps the weights after each iteration."""

    def __init__(self) -> None:
        self.after: list[dict[str, dict[str, torch.Tensor]]] = []
        self.steps: list[int] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        networks = {"G": pl_module.generator, "D": pl_module.discriminator, "EMA": pl_module.ema.module}
        self.after.append({name: weights(network) for name, network in networks.items()})
        self.steps.append(trainer.global_step)


def test_global_step_counts_iterations_in_both_stages(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    watch = Watch()
    fit(make_module(make_objective(start_step=3)), batches, steps=6, callbacks=[watch])
    assert watch.steps == [1, 2, 3, 4, 5, 6]


def test_the_discriminator_rests_in_the_pixel_stage(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    watch = Watch()
    module = make_module(make_objective(start_step=3))
    before = weights(module.discriminator)
    fit(module, batches, steps=4, callbacks=[watch])
    assert distance(watch.after[2]["D"], before) == 0.0  # also untouched by the rehearsal of the GAN stage
    assert distance(watch.after[3]["D"], before) > 0.0


def test_the_gan_stage_starts_from_the_averaged_generator_with_a_fresh_optimizer(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    watch = Watch()
    module = make_module(make_objective(start_step=3))
    fit(module, batches, steps=4, callbacks=[watch])

    other = make_module(make_objective(start_step=0))
    other.generator.load_state_dict(watch.after[2]["EMA"])
    other.ema.module.load_state_dict(watch.after[2]["EMA"])
    fit(other, batches[3:], steps=1)
    assert distance(weights(other.generator), watch.after[3]["G"]) == 0.0
    assert distance(weights(other.ema.module), watch.after[3]["EMA"]) == 0.0


def test_the_adversarial_term_alone_moves_the_generator(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    for shared in (False, True):
        module = make_module(make_objective(pixel_weight=0.0), shared_fake_forward=shared)
        before = weights(module.generator)
        fit(module, batches, steps=1)
        assert distance(weights(module.generator), before) > 5e-5

    module = make_module(make_objective(pixel_weight=0.0, adversarial_weight=0.0), discriminator=None)
    before = weights(module.generator)
    fit(module, batches, steps=1)
    assert distance(weights(module.generator), before) == 0.0


def test_the_adversarial_gradient_makes_generated_images_look_more_real_to_the_discriminator(
    make_module: Any, make_objective: Any, batches: Any
) -> None:
    module = make_module(make_objective(pixel_weight=0.0))
    freeze_power_iterations(module, batches[0])
    lr = batches[0]["lr"]
    before = module.discriminator(module.generator(lr)).mean()
    backward(module, batches[0])
    with torch.no_grad():
        for parameter in module.generator.parameters():
            parameter -= 0.01 * parameter.grad
    assert module.discriminator(module.generator(lr)).mean() > before


def test_sharing_the_fake_forward_changes_nothing_but_the_power_iterations(make_module: Any, batches: Any) -> None:
    shared = make_module(shared_fake_forward=True)
    published = make_module(shared_fake_forward=False)
    for module in (shared, published):
        freeze_power_iterations(module, batches[0])
        backward(module, batches[0])
    for name in ("generator", "discriminator"):
        ours = {k: p.grad for k, p in getattr(shared, name).named_parameters()}
        theirs = {k: p.grad for k, p in getattr(published, name).named_parameters()}
        for key, gradient in ours.items():
            torch.testing.assert_close(gradient, theirs[key], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("shared", [False, True])
def test_gradients_of_each_player_come_from_its_own_loss_alone(
    make_module: Any, make_objective: Any, batches: Any, shared: bool
) -> None:
    module = make_module(make_objective(adversarial_weight=0.1), shared_fake_forward=shared)
    freeze_power_iterations(module, batches[0])
    backward(module, batches[0])
    sr = module.generator(batches[0]["lr"]).detach()
    judge = copy.deepcopy(module.discriminator)
    judge.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    real, fake = judge(batches[0]["hr"]), judge(sr)
    (loss(real, torch.ones_like(real)) + loss(fake, torch.zeros_like(fake))).backward()
    for ours, theirs in zip(module.discriminator.parameters(), judge.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("shared", [False, True])
def test_a_discriminator_learns_during_its_warm_up_but_does_not_move_the_generator(
    make_module: Any, make_objective: Any, batches: Any, fit: Any, shared: bool
) -> None:
    objective = make_objective(pixel_weight=0.0, start_step=1, discriminator_warmup=2)
    module = make_module(objective, shared_fake_forward=shared, ema_decay=0.0)
    watch = Watch()
    fit(module, batches, steps=4, callbacks=[watch])
    judged = [distance(watch.after[n]["D"], watch.after[n - 1]["D"]) for n in (1, 2, 3)]
    made = [distance(watch.after[n]["G"], watch.after[n - 1]["G"]) for n in (1, 2, 3)]
    assert min(judged) > 5e-5
    assert made[:2] == [0.0, 0.0]
    assert made[2] > 5e-5


@pytest.mark.parametrize("shared", [False, True])
def test_warming_up_changes_neither_what_is_measured_nor_what_the_discriminator_learns(
    make_module: Any, make_objective: Any, batches: Any, shared: bool
) -> None:
    objective = make_objective(discriminator_warmup=5)
    warm, warming_up = (make_module(objective, shared_fake_forward=shared) for _ in range(2))
    expected = backward(warm, batches[0], done=5)
    measured = backward(warming_up, batches[0], done=4)
    assert list(measured) == list(expected)
    for name, value in measured.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)
    for ours, theirs in zip(warming_up.discriminator.parameters(), warm.discriminator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=0)


def test_channels_last_gives_the_same_gradients(make_module: Any, batches: Any) -> None:
    plain, nhwc = make_module(channels_last=False), make_module(channels_last=True)
    for module in (plain, nhwc):
        images = {k: v.contiguous(memory_format=module.step.memory_format) for k, v in batches[0].items()}
        backward(module, images)
    for ours, theirs in zip(nhwc.parameters(), plain.parameters(), strict=True):
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def test_bf16_keeps_weights_gradients_and_losses_in_float32(make_module: Any, batches: Any) -> None:
    module = make_module(precision=Precision("bf16", "cpu", "as requested"))
    measured = backward(module, batches[0])
    exact = backward(make_module(), batches[0])
    assert {value.dtype for value in measured.values()} == {torch.float32}
    assert {p.grad.dtype for p in module.generator.parameters()} == {torch.float32}
    for name in ("pixel", "adversarial", "d_real", "d_fake"):
        assert measured[name].item() == pytest.approx(exact[name].item(), rel=0.02)
        assert measured[name].item() != exact[name].item()  # bf16 was really used


def test_clipping_bounds_each_players_gradients_and_logs_what_they_were(
    make_module: Any, batches: Any, fit: Any
) -> None:
    seen: dict[str, float] = {}

    class Norms(Callback):
        def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
            gradients = [p.grad.flatten() for p in optimizer.param_groups[0]["params"]]
            seen["clipped"] = torch.cat(gradients).norm().item()

    trainer = fit(make_module(grad_clip=1e-3), batches, steps=1, callbacks=[Norms()])
    assert seen["clipped"] == pytest.approx(1e-3, rel=1e-3)
    assert trainer.callback_metrics["train/grad_norm_generator"] > 1e-2
    assert trainer.callback_metrics["train/grad_norm_discriminator"] > 1e-2


@pytest.mark.parametrize("fused", [False, True])
def test_an_iteration_that_is_not_finite_changes_nothing_but_the_count(
    make_module: Any, batches: Any, fit: Any, fused: bool
) -> None:
    watch, pixel, skips = Watch(), [], []

    class Outputs(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, *_: Any) -> None:
            pixel.append(float(outputs["measured"]["pixel"]))
            skips.append(float(outputs["skip"]))

    adam = partial(torch.optim.Adam, lr=1e-3, fused=fused)
    module = make_module(make_optimizers={"pixel": adam, "generator": adam, "discriminator": adam})
    poisoned = [batches[0], {**batches[1], "lr": batches[1]["lr"] * float("nan")}, *batches[2:]]
    fit(module, poisoned, steps=3, callbacks=[watch, Outputs()])
    assert watch.steps == [1, 2, 3]
    for name in ("G", "D", "EMA"):
        learnt = {k for k in watch.after[0][name] if not k.endswith(("_u", "_v"))}
        first, second, third = ({k: after[name][k] for k in learnt} for after in watch.after)
        assert distance(first, second) == 0.0
        assert distance(second, third) > 0.0
    assert skips == [0, 1, 0]
    assert [math.isnan(value) for value in pixel] == [False, True, False]
    # The optimizer did not count the skipped step either, so the next one is Adam's second.
    steps = {int(state["step"]) for state in module.optimizers(use_pl_optimizer=False)[0].state.values()}
    assert steps == {2}


def test_the_learning_rate_follows_the_schedule_of_each_stage(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    rates: list[float] = []

    class Rates(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            rates.append(float(trainer.callback_metrics["train/lr"]))

    calls: list[tuple[int, int]] = []

    def halving(done: int, steps: int) -> float:
        calls.append((done, steps))
        return 0.5**done

    fit(make_module(make_objective(start_step=2), schedule=halving), batches, steps=5, callbacks=[Rates()])
    assert rates == pytest.approx([2e-4, 1e-4, 1e-4, 5e-5, 2.5e-5])
    assert set(calls) == {(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)}


def test_random_layers_draw_by_iteration_and_not_by_history(make_module: Any, batches: Any, fit: Any) -> None:
    draws: list[float] = []

    class Draws(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            draws.append(torch.rand(()).item())

    for _ in range(2):
        fit(make_module(), batches, steps=2, callbacks=[Draws()])
        torch.rand(7)  # what came before has no say
    assert draws[:2] == draws[2:]
    assert draws[0] != draws[1]


def test_the_log_holds_the_means_over_the_interval(make_module: Any, batches: Any, fit: Any) -> None:
    trainer = fit(make_module(), batches, steps=2)
    logged = {name for name in trainer.callback_metrics if name.startswith("train/")}
    assert logged == {
        f"train/{name}"
        for name in (
            *("pixel", "adversarial", "d_real", "d_fake", "d_real_score", "d_fake_score", "d_accuracy"),
            *("d_real_accuracy", "d_fake_accuracy", "clipped"),
            *("colour_shift", "samples_per_second", "lr", "grad_norm_generator", "grad_norm_discriminator"),
        )
    }


@pytest.mark.parametrize(("log_every", "rest"), [(2, [4]), (100, [0, 1, 2, 3, 4])])
def test_the_last_interval_is_logged_though_it_is_not_whole(
    make_module: Any, batches: Any, fit: Any, log_every: int, rest: list[int]
) -> None:
    class Losses(Callback):
        def __init__(self) -> None:
            self.found: list[float] = []

        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            self.found.append(float(trainer.callback_metrics["train/pixel"]))

    each = Losses()
    fit(make_module(), batches, steps=5, callbacks=[each])
    module = make_module()
    trainer = fit(module, batches, steps=5, log_every=log_every)
    mean = sum(each.found[n] for n in rest) / len(rest)
    assert float(trainer.callback_metrics["train/pixel"]) == pytest.approx(mean, rel=1e-6)
    # A run that is resumed from here logs the whole interval.
    assert module.meter.state_dict()["sums"][-1] == len(rest)


def test_a_perceptual_loss_without_an_adversarial_one_is_a_stage_too(
    make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    objective = make_objective(
        perceptual=torch.nn.MSELoss(), perceptual_weight=1.0, adversarial_weight=0.0, start_step=1
    )
    trainer = fit(make_module(objective, discriminator=None), batches, steps=2)
    assert "train/perceptual" in trainer.callback_metrics
    assert "train/d_real" not in trainer.callback_metrics
