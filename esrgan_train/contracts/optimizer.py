"""An optimizer steps on gradients alone, and goes on from a checkpoint as if it had never stopped."""

from __future__ import annotations

import inspect
import io
import pickle
from operator import methodcaller
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.optim import Optimizer

from esrgan_train.bounds import shown
from esrgan_train.contracts.part import Part, in_words
from esrgan_train.training.averaging import averages_itself
from esrgan_train.training.ema import EMA
from esrgan_train.training.players import MakeOptimizer, Player
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import Stage

_STEPS = 8  # more than the first few that some optimizers let pass
_TRIED = (torch.optim.Adam, torch.optim.AdamW)  # by the tests of this package
_GIVE = "give an optimizer that steps on gradients alone, such as torch.optim.AdamW"


def check_optimizer(make: MakeOptimizer, part: Part) -> None:
    """Let an optimizer make some steps on small weights, and a copy of it go on from a checkpoint.

    Args:
        make: of parameters, an optimizer.
        part: where it comes from.

    Raises:
        UserError: it cannot be built, is no optimizer of torch's kind, needs more than gradients, leaves one of
            its options unread, changes no weight, or cannot go on from its state.
    """
    with isolate_rng(include_cuda=False), torch.enable_grad():
        optimizer = part.call(
            make, _weights().parameters(), doing="building it", remedy=f"fix its options, or {_GIVE}"
        )
        if type(optimizer) in _TRIED:
            return
        _check_kind(optimizer, part)
        _check_options(make, part)
        player = _player(make)
        before = _values(player)
        _step(player, part, first=0)
        saved = _saved(player, part)
        _step(player, part, first=_STEPS)
        _check_values(before, _values(player), part)
        again = _player(make)
        part.call(_restore, again, saved, doing="loading its state", remedy=_GIVE)
        _step(again, part, first=_STEPS)
    if not all(map(torch.equal, _values(player), _values(again))):
        raise part.refusal("it goes on otherwise from its own state: a run could not be resumed", _GIVE)


def _check_kind(optimizer: Any, part: Part) -> None:
    if not isinstance(optimizer, Optimizer):
        raise part.refusal(f"it is {in_words(optimizer)}, no torch.optim.Optimizer", _GIVE)
    if any("lr" not in group for group in optimizer.param_groups):
        raise part.refusal("its param_groups have no lr, which the scheduler sets", _GIVE)
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise part.refusal("its step needs a closure, which computes the losses again", _GIVE)


class _Watched(dict[str, Any]):
    """A group of parameters that knows which of its settings were read."""

    def __init__(self, group: dict[str, Any]) -> None:
        super().__init__(group)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


def _check_options(make: MakeOptimizer, part: Part) -> None:
    """An option that only ``**others`` takes must be read, or a typo would vanish there."""
    network = _weights()
    optimizer = make(network.parameters())
    given: dict[str, Any] = getattr(make, "keywords", {})
    named = inspect.signature(type(optimizer)).parameters
    if not (unnamed := given.keys() - named.keys()):
        return
    groups = [_Watched(group) for group in optimizer.param_groups]
    optimizer.param_groups[:] = groups
    for number in range(2):
        _give_gradients(network, number)
        part.call(optimizer.step, doing="its step", remedy=_GIVE)
    for name in sorted(unnamed - set().union(*(group.read for group in groups))):
        fault = f"it never reads {name}={shown(given[name])}"
        raise part.refusal(fault, f"leave {name} out (on the command line, ~{part.option}.{name})")


def _weights() -> nn.Module:
    """Kernels, slopes and biases, one of a single number."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Conv2d(4, 1, 3))


def _player(make: MakeOptimizer) -> Player:
    network = _weights()
    player = Player(
        name="trial",
        role="generator",
        network=network,
        stage=Stage("pixel", ()),
        make=make,
        schedule=Constant(warmup_steps=0),
        grad_clip=None,
        ema=EMA(network, decay=0.9, warmup=False),
    )
    player.make_optimizer()
    return player


def _give_gradients(network: nn.Module, number: int) -> None:
    torch.manual_seed(number)  # also of an optimizer that draws
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)


def _step(player: Player, part: Part, *, first: int) -> None:
    for number in range(first, first + _STEPS):
        _give_gradients(player.network, number)
        part.call(_step_both_ways, player, number, doing="its step", remedy=_GIVE)


def _step_both_ways(player: Player, number: int) -> None:
    """As a discriminator's and as the generator's, which Lightning steps with a closure."""
    player.step(
        done=number,
        max_steps=2 * _STEPS,
        skip=torch.zeros(()),
        step_optimizer=methodcaller("step", closure=_no_loss) if number % 2 else methodcaller("step"),
    )


def _no_loss() -> None:
    """What Lightning hands to an optimizer's step."""


def _saved(player: Player, part: Part) -> dict[str, Any]:
    """What a checkpoint gives back, which holds tensors and plain values alone."""
    state = {"weights": player.network.state_dict(), "optimizer": player.optimizer.state_dict()}
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        saved: dict[str, Any] = torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        raise part.refusal("its state holds objects that no checkpoint gives back", _GIVE) from error
    return saved


def _restore(player: Player, saved: dict[str, Any]) -> None:
    player.network.load_state_dict(saved["weights"])
    player.optimizer.load_state_dict(saved["optimizer"])
    player.restore_settings()


def _values(player: Player) -> list[Tensor]:
    """Weights and their average, as they are now."""
    assert player.ema is not None
    networks = [player.network, player.ema.module] if averages_itself(player.optimizer) else [player.network]
    return [parameter.detach().clone() for network in networks for parameter in network.parameters()]


def _check_values(before: list[Tensor], after: list[Tensor], part: Part) -> None:
    if not all(value.isfinite().all() for value in after):
        raise part.refusal(f"{2 * _STEPS} steps make NaN or infinity of weights", "give a lower learning rate")
    if all(map(torch.equal, before, after)):
        raise part.refusal(
            f"{2 * _STEPS} steps change no weight", "give a higher learning rate, or another optimizer"
        )
