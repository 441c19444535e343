"""A network compiled by OpenVINO for this processor, and its conversion, which is kept beside the model file."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from esrgan_train.archs.folding import fold
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.inference.geometry import measure
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.reach import noise
from esrgan_train.modelfiles.digest import digest_of

if TYPE_CHECKING:
    import openvino

log = logging.getLogger(__name__)

_TRACED = (2, 71, 83)  # pictures, height and width: 0 and 1 would be taken for constants, and so would multiples
_COMPARED = ((24, 37), (64, 33))  # pixels; other sizes than the traced one, so that a constant shows
TOLERANCE, HALF_TOLERANCE = 1e-4, 1 / 255  # of values in [0, 1]; if they go beyond, a part of the largest
_NOTE = ["esrgan_train", "converted_from"]  # where a conversion says what it was made of
_AS_ONNX = "give --runtime torch, or the .onnx that `python -m esrgan_train.export --format onnx` writes"


@dataclass(frozen=True)
class Openvino:
    """OpenVINO as the runtime of a model on the CPU.

    Attributes:
        path: of the model, ``.onnx`` or any other that ``load_generator`` takes.
        converted: its conversion, once there is one.
    """

    path: Path
    converted: list[openvino.Model] = field(default_factory=list)

    def compiled(self, network: nn.Module, precision: str) -> Callable[[Tensor], Tensor]:
        """What enlarges (B, C, h, w) float32 in [0, 1] to (B, C, h·s, w·s) float32 in that precision.

        Args:
            network: of the file, in evaluation mode and float32 on the CPU.
            precision: ``32`` or ``bf16``.

        Raises:
            UserError: OpenVINO cannot convert the network, computes something else, or has no such precision here.
        """
        if not self.converted:
            self.converted.append(
                _read_onnx(self.path) if _is_onnx(network) else _convert_once(network, self.path)
            )
            _prove(_compile(self.converted[0], network, "32"), network, self.path)
        return _compile(self.converted[0], network, precision)


def check_openvino(device: str) -> None:
    """``UserError`` if OpenVINO is not installed, or a device other than the CPU is asked for."""
    if find_spec("openvino") is None:
        raise UserError("--runtime openvino needs openvino: pip install 'esrgan-train[openvino]'")
    if device not in ("auto", "cpu"):
        raise UserError(f"--device {device} is not possible with --runtime openvino: give --device cpu")


def conversion_of(model: Path) -> Path:
    """Where the conversion of a model file is kept; its weights lie in the ``.bin`` of the same name."""
    return model.with_name(f"{model.name}.openvino.xml")


def _is_onnx(network: nn.Module) -> bool:
    return isinstance(network, OnnxNetwork)


def _read_onnx(path: Path) -> openvino.Model:
    try:
        return _core().read_model(path)
    except RuntimeError as error:
        raise UserError(f"{path}: OpenVINO cannot read it ({_reason(error)}); give --runtime torch") from error


def _convert_once(network: nn.Module, path: Path) -> openvino.Model:
    """The conversion beside the file, if it was made of the same content; else it is made and written."""
    kept, made_of = conversion_of(path), f"{digest_of(path)}, OpenVINO {_openvino().get_version()}"
    if kept.is_file() and kept.with_suffix(".bin").is_file():
        try:
            model = _core().read_model(kept)
        except RuntimeError:  # a damaged file is of no use, and is written again
            log.warning("%s is damaged: it is written again", kept)
        else:
            if model.has_rt_info(_NOTE) and model.get_rt_info(_NOTE).astype(str) == made_of:
                return model
    log.info("converting %s for OpenVINO, once; the result is kept in %s", path, kept)
    model = _convert(network, path)
    model.set_rt_info(made_of, _NOTE)
    try:
        _keep(model, kept)
    except (OSError, RuntimeError) as error:  # OpenVINO has its own error for a file that it cannot open
        log.warning("%s cannot be written (%s): the next start will convert again", kept, _reason(error))
    return model


def _convert(network: nn.Module, path: Path) -> openvino.Model:
    """Record the network for pictures of any number and size, and translate its operations."""
    free = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    images, *sides = _TRACED
    try:
        with torch.no_grad():
            program = torch.export.export(
                fold(network),
                (torch.zeros(images, measure(network).channels, *sides),),
                dynamic_shapes=(free,),
                prefer_deferred_runtime_asserts_over_guards=True,
            )
            with _without_remarks():
                return _openvino().convert_model(program)
    except Exception as error:  # exporters raise anything
        name = type(network).__name__
        raise UserError(
            f"{path}: {name} cannot be converted for OpenVINO ({_reason(error)}); {_AS_ONNX}"
        ) from error


def _keep(model: openvino.Model, path: Path) -> None:
    """Write both files; the ``.xml`` comes last, so that it never stands beside other weights."""
    weights = path.with_suffix(".bin")
    with replacing(path) as description, replacing(weights) as partial_weights:
        path.unlink(missing_ok=True)
        _openvino().save_model(model, description, compress_to_fp16=False)
        description.with_suffix(".bin").replace(partial_weights)


def _compile(model: openvino.Model, network: nn.Module, precision: str) -> Callable[[Tensor], Tensor]:
    hint = {"32": _openvino().Type.f32, "bf16": _openvino().Type.bf16}[
        precision
    ]  # its default would be bf16 or f16
    config = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = _core().compile_model(model, "CPU", config)
    if compiled.get_property("INFERENCE_PRECISION_HINT") != hint:
        raise UserError(
            "--precision bf16 is not possible: OpenVINO has none on this processor; give --precision 32"
        )
    number = network.number if isinstance(network, OnnxNetwork) else np.float32
    request = compiled.create_infer_request()

    def enlarge(lr: Tensor) -> Tensor:
        fed = np.ascontiguousarray(lr.numpy(), dtype=number)
        return torch.from_numpy(np.array(request.infer([fed])[0], dtype=np.float32))

    return enlarge


@torch.inference_mode()
def _prove(enlarge: Callable[[Tensor], Tensor], network: nn.Module, path: Path) -> None:
    """Compare with the network itself on small pictures.

    Raises:
        UserError: they differ.
    """
    geometry, is_half = measure(network), isinstance(network, OnnxNetwork) and network.is_half
    tolerance, same = HALF_TOLERANCE if is_half else TOLERANCE, fold(network)
    for height, width in _COMPARED:
        lr = noise(geometry.fit(height), geometry.fit(width), geometry.channels)
        expected = same(lr.clone())
        try:
            found = enlarge(lr)
        except RuntimeError as error:
            raise UserError(f"{path}: OpenVINO cannot run it ({_reason(error)}); {_AS_ONNX}") from error
        difference = float((found - expected).abs().max() / expected.abs().max().clamp(min=1))
        if not difference <= tolerance:
            found_at = f"{difference:.1e} off at {lr.shape[3]}×{lr.shape[2]} pixels, {tolerance:.1e} are allowed"
            raise UserError(f"{path}: OpenVINO computes something else ({found_at}); {_AS_ONNX}")


def _openvino() -> ModuleType:
    """The package, which is optional, without its telemetry: its import alone would report to its makers."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed
    return importlib.import_module("openvino")


@cache
def _core() -> openvino.Core:
    """The only one of the process.

    The CPU plugin that comes with each takes the thread's alternate signal stack, and at its end puts back the one
    that it found. Where two overlap, that may be the other's, freed by then: the next signal would kill the
    process.
    """
    return _openvino().Core()


@contextmanager
def _without_remarks() -> Iterator[None]:
    """The converter warns of operations that it leaves as they are; what it cannot convert, it raises."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
