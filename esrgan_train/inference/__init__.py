"""Applying a trained generator to pictures."""
