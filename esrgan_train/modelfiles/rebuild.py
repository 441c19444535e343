"""Networks from model files: a generator built from its file, or weights loaded into a given network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.bounds import shown
from esrgan_train.errors import UserError
from esrgan_train.images.colour import IN_CHANNELS, OUT_CHANNELS
from esrgan_train.modelfiles import field
from esrgan_train.modelfiles.classes import class_of, construct, identified
from esrgan_train.modelfiles.published import from_published, srvgg_options, unet_sn_options
from esrgan_train.modelfiles.weights import ModelFile


def load_into(network: nn.Module, state_dict: Mapping[str, Tensor], name: str) -> None:
    """Load weights strictly: every name and shape must fit.

    Three exceptions: a compact network with relu or leakyrelu also takes the published form, where its fixed slope
    is stored as PReLU slopes; one with branches takes a compact one's weights (``RepSR.start_from``); a network of
    spandrel takes any names that spandrel knows for its class, such as BasicSR's of RRDBNet.

    Raises:
        UserError: the weights do not fit; the message begins with ``name``, the file or option, and lists some
            differences and options that would fit.
    """
    if isinstance(network, SRVGGNetCompact) and srvgg_options(state_dict) is not None:
        state_dict = from_published(state_dict, act_type=network.act_type)
        if isinstance(network, RepSR):
            plain = network.folded()
            load_into(plain, state_dict, name)
            network.start_from(plain.state_dict())
            return
    wanted = network.state_dict()
    if state_dict.keys() != wanted.keys():
        state_dict = field.renamed(state_dict, network)
    differences = [f"{key} is missing" for key in wanted if key not in state_dict]
    differences += [f"{key} is unknown" for key in state_dict if key not in wanted]
    for key, tensor in wanted.items():
        if key in state_dict and (given := state_dict[key].shape) != tensor.shape:
            differences.append(f"{key} is {_size(given)} instead of {_size(tensor.shape)}")
    if differences:
        first, more = ", ".join(differences[:3]), len(differences) - 3
        raise UserError(
            f"{name} does not fit {type(network).__name__}: {first}{f' and {more} more' if more > 0 else ''}; "
            f"{remedy(network, state_dict)}"
        )
    network.load_state_dict(dict(state_dict), strict=True)  # some networks write into the dict


def rebuild_generator(model: ModelFile) -> nn.Module:
    """The generator of a model file, with its weights, in evaluation mode on the CPU.

    Class and options are those that the file names; the class must be a discovered one or spandrel's. For other
    files they are read from the weights: here for a compact model, by spandrel for other networks of the field.
    Nothing that a file names is ever imported.

    Raises:
        UserError: the architecture is unknown, or its options or weights do not fit.
    """
    if model.arch is None and model.target is None and srvgg_options(model.state_dict) is None:
        network = _of_the_field(model)
        if model.options:  # an early file of ours, which has no class but options that weights do not show
            network = construct(model, type(network))
    else:
        named = identified(model)
        network = construct(named, class_of(named))
    load_into(network, model.state_dict, str(model.path))
    return network.eval()


def _of_the_field(model: ModelFile) -> nn.Module:
    try:
        reading = field.read(model.state_dict)
    except field.MisreadError as error:  # weights that only resemble a known network
        raise UserError(f"{model.path} cannot be built by spandrel: {error}; fetch it again") from error
    if reading is None:
        raise UserError(
            f"{model.path} does not say its architecture, and neither this framework nor spandrel knows its "
            "weights; give a super-resolution model"
        )
    if not reading.pictures:
        raise UserError(
            f"{model.path} does not turn one RGB or gray picture into another; give a super-resolution model"
        )
    return reading.network


def override(name: str, value: object, *, group: str = "generator") -> str:
    """An option of a network as written on the command line."""
    if name in IN_CHANNELS + OUT_CHANNELS and value in (1, 3):  # they follow the run's
        return "colour=rgb" if value == 3 else "colour=gray (or luma)"
    return f"upscale={value}" if name in ("upscale", "scale") else f"{group}.{name}={shown(value)}"


def _overrides(options: Iterable[tuple[str, object]], *, group: str = "generator") -> str:
    """Several of them, each once."""
    return " ".join(dict.fromkeys(override(*option, group=group) for option in options))


def _size(shape: torch.Size) -> str:
    return "×".join(map(str, shape)) or "a number"


def remedy(network: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    """What to do about weights that do not fit: the options that would fit, if the weights show them."""
    judges, options = unet_sn_options(state_dict), srvgg_options(state_dict)
    if isinstance(network, UNetDiscriminatorSN):
        if judges is None:
            return "give the weights of a discriminator, such as a published net_d or a checkpoint"
        fitting = _overrides(_differing(judges, network), group="discriminator")
        return f"they fit {fitting or 'no option'}"
    if judges is not None:
        return "these are a discriminator's: give them as init_discriminator_from"
    if options is None:
        return _remedy_of_the_field(network, state_dict)
    options.setdefault("act_type", "relu (or leakyrelu)")
    compact = isinstance(network, SRVGGNetCompact)
    named = _differing(options, network) if compact else options.items()
    return f"they fit {'' if compact else 'generator=srvgg '}{_overrides(named)}"


def _remedy_of_the_field(network: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    if (reading := field.recognised(state_dict)) is None:
        return "choose the generator these weights were made for"
    apart = field.options_apart(reading.network, network) if type(reading.network) is type(network) else {}
    if not apart:
        return f"they are of {reading.architecture} ×{reading.scale}: choose that generator"
    return f"they fit {_overrides(apart.items())}"


def _differing(options: Mapping[str, object], network: nn.Module) -> list[tuple[str, object]]:
    return [(name, value) for name, value in options.items() if getattr(network, name) != value]
