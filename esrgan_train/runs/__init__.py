"""Run folders: where a run is stored, its checkpoints, and what is set aside."""
