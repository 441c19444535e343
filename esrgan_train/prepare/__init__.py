"""Packing photos into a set that training reads without decoding."""
