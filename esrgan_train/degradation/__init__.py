"""Low-quality inputs from photographs; everything random comes from the generator that is passed in."""

from __future__ import annotations

from esrgan_train.degradation.bicubic import BicubicDegradation
from esrgan_train.degradation.kernel_choice import KernelChoice
from esrgan_train.degradation.pipeline import RealESRGANDegradation
from esrgan_train.degradation.stage import Stage
from esrgan_train.degradation.target_noise import TargetNoise
from esrgan_train.degradation.usm import usm_sharpen

__all__ = ["BicubicDegradation", "KernelChoice", "RealESRGANDegradation", "Stage", "TargetNoise", "usm_sharpen"]
