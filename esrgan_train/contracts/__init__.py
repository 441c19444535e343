"""What the parts of a run promise each other; each is tried once before the run, since any may be a user's own."""
