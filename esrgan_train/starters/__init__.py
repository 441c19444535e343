"""The small models that ship, each with its card: what ``upscale`` takes without a model, and fine-tuning starts from."""
