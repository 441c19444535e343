"""From photographs to batches: sample number n always gives the same pair."""
