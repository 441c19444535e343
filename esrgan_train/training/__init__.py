"""The training step: two players, two stages, one averaged generator."""
