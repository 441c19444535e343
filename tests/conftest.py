"""What every test needs before it starts."""

from __future__ import annotations

import sys
import types

import torch
import torchvision.transforms.functional as transforms_functional

# The published code (basicsr) imports a module that newer torchvision removed.
_shim = types.ModuleType("torchvision.transforms.functional_tensor")
_shim.rgb_to_grayscale = transforms_functional.rgb_to_grayscale  # type: ignore[attr-defined]
sys.modules.setdefault(_shim.__name__, _shim)

torch.set_num_threads(min(2, torch.get_num_threads()))
