"""An exported ``.onnx`` model as a network, run by ONNX Runtime."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.inference.statements import Statement, named_statement
from esrgan_train.modelfiles.weights import METADATA_KEY

_NUMBERS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxNetwork(nn.Module):
    """A model run by ONNX Runtime on the CPU, in its own number format.

    Attributes:
        is_half: whether it computes in float16.
        is_single: whether it takes one picture at a time.
        radius: how many pixels far it looks, if the file says so (as those exported here do), else None.
        statement: what the class that the file names states about tiles, if it is known.

    Shape:
        (B, 3, h, w) float32 in [0, 1] → (B, 3, h·s, w·s) float32; of a model of one channel both have one.

    Raises:
        UserError: ONNX Runtime is not installed, or the file is no model of RGB or gray pictures of any size.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        if find_spec("onnxruntime") is None:
            raise UserError(f"{path} needs onnxruntime: pip install 'esrgan-train[export]'")
        import onnxruntime  # optional

        if not path.is_file():
            raise UserError(f"{path} does not exist: give a model file")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors alone; they are raised too
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has a dozen classes for damaged files
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path} cannot be read as ONNX ({reason}); export it again") from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type not in _NUMBERS or len(inputs[0].shape) != 4:
            raise UserError(f"{path} does not turn one picture into another: give a super-resolution model")
        number, channels, *sides = inputs[0].shape
        self.is_single = isinstance(number, int)
        if isinstance(channels, int) and channels not in (1, 3):
            raise UserError(f"{path} takes {channels} channels: give a model of RGB or gray pictures")
        if any(isinstance(side, int) for side in sides):
            size = f"{sides[1]}×{sides[0]}"
            raise UserError(f"{path} takes only pictures of {size} pixels: export it with free height and width")
        self.input, self.output = inputs[0].name, outputs[0].name
        self.number = _NUMBERS[inputs[0].type]
        self.is_half = self.number is np.float16
        metadata = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY, "")
        self.radius, self.statement = _radius(metadata), _statement(metadata)

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge a batch."""
        fed = np.ascontiguousarray(lr.numpy(), dtype=self.number)
        (sr,) = self.session.run([self.output], {self.input: fed})
        return torch.from_numpy(np.asarray(sr, dtype=np.float32))


def _statement(metadata: str) -> Statement | None:
    """Of tiles; None for a class that is not known, or whose reach needs the network itself."""
    try:
        found = named_statement(str(json.loads(metadata)["target"]))
    except (ValueError, LookupError, TypeError):
        return None
    return None if found is None or found.reach is not None else found


def _radius(metadata: str) -> int | None:
    try:
        said = json.loads(metadata)
        return int(said["options"].get("num_conv", 16)) + 2 if said["arch"] == "srvgg" else None  # 16: the default
    except (ValueError, LookupError, TypeError, AttributeError):  # another program's metadata, or none
        return None
