"""Searches: any number of workers, each on a device of its own, ask one study what to try next."""
