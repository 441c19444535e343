"""Checks before a long run: what usually fails hours in, each with its remedy."""
