"""A renderer of batches that carries out each drawing as the workers do: what it makes is theirs bit for bit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from esrgan_train.degradation.drawing import Drawing
from esrgan_train.degradation.rendering import render

_BYTES = 32768  # of a drawing, padded


class StandIn:
    def pack(self, drawing: Drawing) -> dict[str, Tensor]:
        packed = np.frombuffer(pickle.dumps(drawing).ljust(_BYTES, b"\0"), np.uint8)
        assert len(packed) == _BYTES
        return {"pickled": torch.from_numpy(packed.copy())}

    def to(self, device: torch.device) -> StandIn:
        assert device.type == "cpu"
        return self

    def __call__(self, hr: Tensor, packed: Mapping[str, Tensor]) -> Tensor:
        images = (np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in hr)
        drawings = (pickle.loads(row.numpy().tobytes()) for row in packed["pickled"])
        rendered = [render(image, drawing) for image, drawing in zip(images, drawings, strict=True)]
        return torch.from_numpy(np.stack(rendered)).permute(0, 3, 1, 2)
