"""``python -m esrgan_train.gpu_check``: the acceptance kit of a checkout, see docs/gpu.md."""
