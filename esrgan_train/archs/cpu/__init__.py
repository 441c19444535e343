"""Kernels that make networks fast on a CPU, with the results of torch's own."""
