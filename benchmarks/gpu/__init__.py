"""The acceptance kit: whether this version works on a GPU, and how fast; see docs/gpu.md."""
