"""Kernels that make a network fast on a CPU; the mathematics is that of torch's own."""
