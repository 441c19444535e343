"""Scoring a model, or a folder of results, against a folder of ground truth."""
