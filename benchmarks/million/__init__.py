"""Packed sets of up to a million entries: opened, started and read, from a folder and through S3."""

from esrgan_train import libraries  # noqa: F401 — before all others, as where training starts
