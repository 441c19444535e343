"""Run folders: where a run lies, its checkpoints, and what is set aside."""
