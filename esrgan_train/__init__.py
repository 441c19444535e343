"""esrgan_train: train your own real-time upscaler with PyTorch Lightning and Hydra."""

__version__ = "0.1.0"
