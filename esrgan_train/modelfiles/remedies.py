"""What to do about weights that do not fit a network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles import field
from esrgan_train.modelfiles.published import srvgg_options, unet_sn_options


def remedy(network: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    """The end of a message, from its semicolon on: the options that would fit, if the weights show them."""
    judges = unet_sn_options(state_dict)
    if isinstance(network, UNetDiscriminatorSN):
        if judges is None:
            return "; give the weights of a discriminator, such as a published net_d or a checkpoint"
        return f"; they fit {_differing('discriminator', network, judges)}"
    if judges is not None:
        return "; these are a discriminator's: give them as init_discriminator_from"
    options = srvgg_options(state_dict)
    if options is None:
        return _of_the_field(network, state_dict)
    options.setdefault("act_type", "relu (or leakyrelu)")
    compact = isinstance(network, SRVGGNetCompact)
    fitting = [] if compact else ["generator=srvgg"]
    for name, value in options.items():
        if not compact or getattr(network, name) != value:
            fitting.append(override(name, value))
    return f"; they fit {' '.join(fitting)}"


def _of_the_field(network: nn.Module, state_dict: Mapping[str, Tensor]) -> str:
    try:
        reading = field.read(state_dict)
    except field.MisreadError:
        reading = None
    if reading is None:
        return "; choose the generator these weights were made for"
    apart = field.options_apart(reading.network, network) if type(reading.network) is type(network) else {}
    if not apart:
        return f"; they are of {reading.architecture} ×{reading.scale}: choose that generator"
    return f"; they fit {' '.join(override(name, value) for name, value in apart.items())}"


def override(name: str, value: object) -> str:
    """An option of a generator as written on the command line."""
    return f"upscale={value}" if name in ("upscale", "scale") else f"generator.{name}={value}"


def _differing(group: str, network: nn.Module, options: Mapping[str, object]) -> str:
    different = {name: value for name, value in options.items() if getattr(network, name) != value}
    return " ".join(f"{group}.{name}={str(value).lower()}" for name, value in different.items()) or "no option"
