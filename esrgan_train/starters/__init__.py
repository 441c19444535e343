"""The small models that ship, each with its card: for ``upscale`` without a model, and to start training from."""
