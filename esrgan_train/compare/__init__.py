"""Comparing runs: a table, curves, and crops side by side."""
