"""Finds mistakes in the configuration before anything is built or written."""
