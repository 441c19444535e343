"""Builds a network from a model file, and fills a network with a file's weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import Tensor, nn

from esrgan_train.archs import ENVIRONMENT_VARIABLE, discover
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.published import from_published, srvgg_options, unet_sn_options
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.archs.weights import ModelFile
from esrgan_train.errors import UserError


def load_into(network: nn.Module, state_dict: Mapping[str, Tensor], name: str) -> None:
    """Load weights strictly: every name and shape must fit.

    The one liberty: a compact network with relu or leakyrelu takes its weights back from the published form,
    where its fixed slope stands as PReLU slopes.

    Args:
        network: filled in place.
        state_dict: the weights.
        name: the file or option to be named in the message.

    Raises:
        UserError: the weights do not fit; the message lists some differences and options that would fit.
    """
    if isinstance(network, SRVGGNetCompact) and srvgg_options(state_dict) is not None:
        state_dict = from_published(state_dict, act_type=network.act_type)
    wanted = network.state_dict()
    differences = [
        *(f"{key} is missing" for key in wanted if key not in state_dict),
        *(f"{key} is unknown" for key in state_dict if key not in wanted),
        *(
            f"{key} is {_size(state_dict[key])} instead of {_size(wanted[key])}"
            for key in wanted
            if key in state_dict and state_dict[key].shape != wanted[key].shape
        ),
    ]
    if differences:
        shown, more = ", ".join(differences[:3]), len(differences) - 3
        raise UserError(
            f"{name} does not fit {type(network).__name__}: {shown}{f' and {more} more' if more > 0 else ''}"
            f"{_remedy(network, state_dict)}"
        )
    network.load_state_dict(state_dict, strict=True)


def build_generator(model: ModelFile) -> nn.Module:
    """Return the generator of a model file, with its weights, in evaluation mode on the CPU.

    The class is looked up among the discovered ones by the name in the file. Without a name, the weights of
    a compact model tell their own shape, and spandrel recognises those of other networks of the field.
    Nothing that a file names is ever imported.

    Raises:
        UserError: the architecture is unknown, or its options or weights do not fit.
    """
    if model.arch is None:
        options = srvgg_options(model.state_dict)
        if options is None:
            return _of_the_field(model)
        network: nn.Module = _compact(model, options)
    else:
        generators = discover().generators
        if model.arch not in generators:
            raise UserError(
                f"{model.path} needs the generator {model.arch!r}, which is not here (there are "
                f"{', '.join(generators)}); name the folder of its *_arch.py in {ENVIRONMENT_VARIABLE}"
            )
        network = _construct(model, generators[model.arch])
    load_into(network, model.state_dict, str(model.path))
    return network.eval()


def _compact(model: ModelFile, options: dict[str, object]) -> SRVGGNetCompact:
    if "act_type" not in options:
        raise UserError(
            f"{model.path} does not say whether its activation is relu or leakyrelu; give the .pth or "
            ".safetensors file that this framework has written, or one with PReLU slopes"
        )
    return SRVGGNetCompact(**options)  # type: ignore[arg-type]  # numbers and one string, read from shapes


def _of_the_field(model: ModelFile) -> nn.Module:
    import spandrel  # slow to import, and few need it

    try:
        described = spandrel.ModelLoader().load_from_state_dict(dict(model.state_dict))
    except spandrel.UnsupportedModelError as error:
        raise UserError(
            f"{model.path} does not say its architecture, and neither this framework nor spandrel knows its "
            "weights; give a super-resolution model"
        ) from error
    except (ValueError, RuntimeError, KeyError, IndexError) as error:  # weights that only resemble a known network
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{model.path} cannot be built by spandrel: {reason}; fetch it again") from error
    if not isinstance(described, spandrel.ImageModelDescriptor) or (
        (described.input_channels, described.output_channels) != (3, 3)
    ):
        raise UserError(f"{model.path} does not turn one RGB picture into another; give a super-resolution model")
    network: nn.Module = described.model.eval()
    return network


def _construct(model: ModelFile, cls: type[nn.Module]) -> nn.Module:
    try:
        inspect.signature(cls).bind(**model.options)
    except TypeError as error:
        raise UserError(
            f"{model.path} does not fit {cls.__name__}: {error}; use the {inspect.getsourcefile(cls)} it was "
            "made with"
        ) from error
    try:
        return cls(**model.options)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{model.path} holds options that {cls.__name__} refuses: {reason}") from error


def _remedy(network: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    judges = unet_sn_options(state_dict)
    if isinstance(network, UNetDiscriminatorSN):
        if judges is None:
            return "; give the weights of a discriminator, such as a published net_d or a checkpoint"
        return f"; they fit {_differing('discriminator', network, judges)}"
    if judges is not None:
        return "; these are a discriminator's: give them as init_discriminator_from"
    options = srvgg_options(state_dict)
    if options is None:
        return "; choose the generator these weights were made for"
    options.setdefault("act_type", "relu (or leakyrelu)")
    compact = isinstance(network, SRVGGNetCompact)
    fitting = [] if compact else ["generator=srvgg"]
    for name, value in options.items():
        if not compact or getattr(network, name) != value:
            fitting.append(f"upscale={value}" if name == "upscale" else f"generator.{name}={value}")
    return f"; they fit {' '.join(fitting)}"


def _differing(group: str, network: nn.Module, options: Mapping[str, object]) -> str:
    different = {name: value for name, value in options.items() if getattr(network, name) != value}
    return " ".join(f"{group}.{name}={str(value).lower()}" for name, value in different.items()) or "no option"


def _size(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"
