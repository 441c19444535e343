"""A generator applied to whole pictures of 8 or 16 bits, tile by tile."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from esrgan_train.archs.folding import fold
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import RunError, UserError
from esrgan_train.inference.channels import on_colours
from esrgan_train.inference.geometry import measure, radius_on_colours, seams_of
from esrgan_train.inference.memory import automatic_tile, in_smaller_tiles, pixels_at_once
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.openvino_model import Openvino
from esrgan_train.inference.reach import FARTHEST
from esrgan_train.inference.tiling import enlarge_tiles
from esrgan_train.kernels import exact_float32

Runnable = tuple[Callable[[Tensor], Tensor], torch.dtype]  # a network, and the type that it takes

BF16_FOR_8_BITS = "bf16 (32 for 16-bit pictures)"  # whose levels bf16 misses by hundreds


class Upscaler:
    """A network ready for pictures: on its device, in its precision, with its tiling.

    One of a single channel enlarges their luma, and their colours are enlarged by bicubic interpolation.

    Args:
        network: in evaluation mode; it is changed in place, unless it can be folded.
        precision: ``32``, ``bf16`` or ``BF16_FOR_8_BITS``.
        tile: side in pixels of the input; 0 takes the whole picture. None chooses by free memory, and smaller
            tiles if that was too much; a network whose tiles would show gets whole pictures.
        runtime: what runs the network on the CPU in the place of torch.

    Raises:
        UserError: tiles are given, but the network's tiles would show; or the runtime does not take the network.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: str,
        tile: int | None,
        runtime: Openvino | None = None,
    ) -> None:
        self.geometry = measure(network)
        network = fold(network)
        self.network, self.device, self.precision, self.runtime = network, device, precision, runtime
        self.scale, self.radius = self.geometry.scale, radius_on_colours(self.geometry)
        if tile and self.radius is None:
            raise UserError(
                f"{self.name} looks over {FARTHEST} pixels far, so tiles would show seams; give --tile 0"
            )
        self._automatic = tile is None
        if tile is None:
            tile = 0 if self.radius is None else self._automatic_tile()
        self.tile = self._stepped(tile)
        self._exact, quick = self._by_torch() if runtime is None else self._by_openvino(runtime)
        deep = self._exact if precision == BF16_FOR_8_BITS else quick
        self._networks = {np.dtype(np.uint8): quick, np.dtype(np.uint16): deep}

    def _by_torch(self) -> tuple[Runnable, Runnable]:
        """In float32, and in the precision that is asked for."""
        moved = self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        exact = self._ready(moved, torch.float32)
        if self.precision == "32":
            return exact, exact
        spare = copy.deepcopy(self.network) if self.precision == BF16_FOR_8_BITS else self.network
        return exact, self._ready(*_in_bf16(spare))

    def _by_openvino(self, runtime: Openvino) -> tuple[Runnable, Runnable]:
        exact = self._ready(runtime.compiled(self.network, "32"), torch.float32)
        if self.precision == "32":
            return exact, exact
        return exact, self._ready(runtime.compiled(self.network, "bf16"), torch.float32)

    def _ready(self, network: Callable[[Tensor], Tensor], number: torch.dtype) -> Runnable:
        """What takes RGB, and the type that it takes."""
        if self.geometry.channels == 3:
            return network, number
        return on_colours(network, self.scale, number), torch.float32

    def _automatic_tile(self) -> int:
        assert self.radius is not None
        return automatic_tile(self.network, self.scale, self.device, self.geometry.features, self.radius)

    @property
    def name(self) -> str:
        """The network's, for messages."""
        return type(self.network).__name__

    @property
    def pieces(self) -> str:
        """In what pieces pictures are enlarged, in words."""
        if self.tile:
            seams = seams_of(self.name, self.geometry)
            remedy = "--tile 0 avoids them, --self-check measures them" if seams else ""
            return f"tiles of {self.tile}{seams and f', {seams} ({remedy})'}"
        return f"whole pictures{f' ({self.name} looks too far for tiles)' if self.radius is None else ''}"

    @property
    def memory_remedy(self) -> str:
        """What to do if a picture needs more memory than there is."""
        if self.radius is None:
            return f"{self.name} takes pictures whole: give a smaller one, or free some memory"
        if self._automatic:
            return "give a smaller photo, or free some memory"
        return "give a smaller --tile" if self.tile else "leave --tile 0 out"

    def __call__(self, image: NDArray[Any]) -> NDArray[Any]:
        """Enlarge (h, w, 3) uint8 or uint16 to (h·s, w·s, 3) of the same type; only tiles exist as floats.

        A picture that is too small for the network is continued by reflection, and its enlargement is cut.

        Raises:
            RunError: the result is not finite, or does not fit into memory.
        """
        seen, enlarged = self._with_room(image[None])
        with exact_float32():
            if self._automatic:
                fill = partial(self._fill, enlarged, seen)
                _, self.tile = in_smaller_tiles(fill, self.tile, multiple=self.geometry.step)
            else:
                self._fill(enlarged, seen, self.tile)
        alone: NDArray[Any] = self._cut(enlarged, image.shape[:2])[0]
        return alone

    def together(self, images: NDArray[Any]) -> NDArray[Any]:
        """Enlarge several pictures of one size in the same passes, (B, h, w, 3) to (B, h·s, w·s, 3).

        Errors as for one; but where memory runs out, what the library says is raised: fewer pictures may fit.
        """
        seen, enlarged = self._with_room(images)
        with exact_float32():
            self._fill(enlarged, seen, self.tile)
        return self._cut(enlarged, images.shape[1:3])

    def pixels_in_pass(self, height: int, width: int) -> int:
        """How many pixels the network sees at once of a picture of this size."""
        side = self.tile and self.tile + 2 * (self.radius or 0)
        return math.prod(min(length, side or length) for length in (height, width))

    @property
    def takes_several(self) -> bool:
        """Whether the network takes several pictures in a pass; an ONNX model may be made for one."""
        return not (isinstance(self.network, OnnxNetwork) and self.network.is_single)

    def pixels_that_fit(self) -> int | None:
        """How many pixels a pass may have that takes a quarter of the free memory; None where it is not known."""
        return pixels_at_once(self.scale, self.device, self.geometry.features)

    def _with_room(self, images: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Pictures as the network takes them, and room for their enlargements."""
        height, width = images.shape[1:3]
        below, right = self.geometry.fit(height) - height, self.geometry.fit(width) - width
        sides = ((0, 0), (0, below), (0, right), (0, 0))
        seen = np.pad(images, sides, mode="reflect") if below or right else images
        rows, columns = (side * self.scale for side in seen.shape[1:3])
        try:
            return seen, np.empty((len(images), rows, columns, 3), images.dtype)
        except MemoryError as error:  # smaller tiles would not help
            raise RunError(
                f"not enough memory for an enlargement of {columns} × {rows} pixels; give a smaller photo"
            ) from error

    def _cut(self, enlarged: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
        height, width = (side * self.scale for side in size)
        return np.ascontiguousarray(enlarged[:, :height, :width])

    def _fill(self, enlarged: NDArray[Any], images: NDArray[Any], tile: int) -> None:
        top_level = float(np.iinfo(images.dtype).max)
        network, number = self._networks[images.dtype]

        def run(levels: Tensor) -> Tensor:
            lr = levels.float().div_(top_level)
            sr: Tensor = network(lr.to(self.device, number, memory_format=torch.channels_last))
            return sr

        # PyTorch takes no negative strides, and warns of memory that must not be written to.
        levels = torch.from_numpy(np.require(images, requirements=["C", "W"])).permute(0, 3, 1, 2)
        least = self.geometry.least
        parts = enlarge_tiles(run, levels, tile=tile, radius=self.radius, scale=self.scale, least=least)
        # Rounded on the device: 8 bits are a quarter of the bytes to copy. Its integers end at 32 bits.
        whole = torch.uint8 if images.dtype == np.uint8 else torch.int32
        with torch.inference_mode():
            for (rows, columns), sr in parts:
                part = sr.permute(0, 2, 3, 1).float()
                if not part.isfinite().all():
                    raise RunError(f"the model's result is not finite; {self._finite_remedy(images.dtype)}")
                levels_of_part = part.clamp(0, 1).mul(top_level).round().to(whole)
                enlarged[:, rows, columns] = levels_of_part.cpu().numpy()

    def _finite_remedy(self, levels: np.dtype[Any]) -> str:
        if isinstance(self.network, OnnxNetwork) and self.network.is_half:
            return "give the model in float32"
        exact = self._networks[levels] is self._exact
        return "give a model that has not diverged" if exact else "give --precision 32"

    def _stepped(self, tile: int) -> int:
        """``tile`` rounded down to a multiple that the network takes; 0 stays 0."""
        step = self.geometry.step
        return tile and max(step, tile // step * step)


def inference_precision(asked: str, device: torch.device, network: nn.Module) -> str:
    """Resolve ``--precision``: ``auto`` takes bf16 for 8-bit pictures where the hardware has it, else 32.

    Raises:
        UserError: a choice for an ONNX model, which has its own precision and runs on the CPU.
    """
    if isinstance(network, OnnxNetwork):
        if asked == "bf16":
            raise UserError("--precision bf16 is not possible: an .onnx model computes in its own number format")
        if device.type != "cpu":
            raise UserError(
                f"--device {device} is not possible: an .onnx model runs on the CPU; give --device cpu"
            )
        return "32"
    if asked != "auto":
        return asked
    return BF16_FOR_8_BITS if multiplies_bf16(device) else "32"


def _in_bf16(network: nn.Module) -> tuple[nn.Module, torch.dtype]:
    """The network, changed in place, and the number type of its input."""
    if not isinstance(network, SRVGGNetCompact):
        return network.to(torch.bfloat16), torch.bfloat16
    # The enlarged input to which the residual is added stays float32.
    network.body.to(torch.bfloat16)
    network.body.register_forward_pre_hook(lambda _, given: (given[0].to(torch.bfloat16),))
    return network, torch.float32
