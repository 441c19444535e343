"""What a run shows and keeps besides the training itself."""
