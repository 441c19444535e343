"""Ways to alter finished training samples."""
