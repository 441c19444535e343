"""What the models can do on photographs that they never saw, and a race with the published trainer."""
