"""What of a file's weights another network can use: taken as they are, derived from them, or left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from esrgan_train.archs.repsr_arch import RepSR, has_branches, merged_state
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.modelfiles import field as spandrel_files
from esrgan_train.modelfiles.compact_sharing import derive
from esrgan_train.modelfiles.published import srvgg_options
from esrgan_train.modelfiles.rebuild import remedy
from esrgan_train.modelfiles.weights import ModelFile, merged

_SHOWN = 3  # names of a list


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """The weights that a network takes from another's file.

    Attributes:
        weights: by the network's names, of a network with branches by its merged form's; all but ``reset``.
        derived: what was made of the file's weights, in words, with the names of the layers.
        reset: the network's own names that keep their first values.
        left: names in the file that are not used.
    """

    weights: dict[str, Tensor]
    derived: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    made: frozenset[str] = field(default_factory=frozenset)  # names of the weights that were derived

    def lines(self) -> Iterator[str]:
        """What was taken, derived, reset and left, a line each; what there is none of is not named."""
        yield f"taken: {_named([name for name in self.weights if name not in self.made])}"
        yield from (f"derived: {each}" for each in self.derived)
        if self.reset:
            yield f"reset, not in the file: {_named(self.reset)}"
        if self.left:
            yield f"left, not in the network: {_named(self.left)}"

    def load(self, network: nn.Module) -> None:
        """Give the network these weights."""
        if isinstance(network, RepSR) and not has_branches(self.weights):
            network.start_from({**merged_state(network.state_dict()), **self.weights})
        else:
            network.load_state_dict({**network.state_dict(), **self.weights}, strict=True)


def share(network: nn.Module, model: ModelFile, name: str) -> Sharing:
    """What fits of a file: compact networks by the layers' places (``compact_sharing``), others by name and shape.

    Branches of the same shapes are taken as they are, others as the kernels that they make.

    Raises:
        UserError: nothing fits; the message begins with ``name``, the file or option.
    """
    if not _has_shapes_of(network, model.state_dict):
        model = merged(model)
    options = srvgg_options(model.state_dict)
    if isinstance(network, SRVGGNetCompact) and options is not None:
        known = options | {key: value for key, value in model.options.items() if key == "act_type"}
        derived = derive(network, model.state_dict, known, name=name)
        return _compared(network, model.state_dict, derived.weights, derived.used, derived.words)
    state = spandrel_files.renamed(model.state_dict, network)
    wanted = network.state_dict()
    fitting = {key: t for key, t in state.items() if key in wanted and wanted[key].shape == t.shape}
    if not any(tensor.dim() > 1 for tensor in fitting.values()):  # biases alone may fit any network
        raise UserError(f"{name}: no layer fits {type(network).__name__}; {remedy(network, model.state_dict)}")
    return _compared(network, state, fitting, set(fitting), {})


def _has_shapes_of(network: nn.Module, state_dict: Mapping[str, Tensor]) -> bool:
    shapes = ({name: tensor.shape for name, tensor in each.items()} for each in (network.state_dict(), state_dict))
    return next(shapes) == next(shapes)


def _compared(
    network: nn.Module,
    given: Mapping[str, Tensor],
    weights: dict[str, Tensor],
    used: set[str],
    words: Mapping[str, Iterable[str]],
) -> Sharing:
    return Sharing(
        weights=weights,
        derived=tuple(f"{_named(names)}, {how}" for how, names in words.items()),
        made=frozenset(name for names in words.values() for name in names),
        reset=tuple(key for key in _names(network, weights) if key not in weights),
        left=tuple(key for key in given if key not in used),
    )


def _names(network: nn.Module, weights: Mapping[str, Tensor]) -> Iterable[str]:
    """Of the network's weights, or of its merged form's if these are."""
    state_dict = network.state_dict()
    return merged_state(state_dict) if has_branches(state_dict) and not has_branches(weights) else state_dict


def _named(names: Iterable[str]) -> str:
    """A number of weights with the layers they belong to, such as ``6 weights (body.0, body.1, body.2)``."""
    names = list(names)
    layers = list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))
    if len(layers) > _SHOWN:
        layers = [f"{layers[0]} to {layers[-1]}"]
    count = f"{len(names)} weight{'s' if len(names) != 1 else ''}"
    return f"{count} ({', '.join(layers)})" if names else "nothing"
