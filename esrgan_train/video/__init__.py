"""Moving pictures enlarged: clips, numbered pictures and animations."""
