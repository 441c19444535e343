"""Gradients exchanged in one block after the backward pass, or in buckets beside it."""
