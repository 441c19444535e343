"""How good an upscaled image is."""
