"""From a trained generator to the files that other programs run; each is run once before it is kept."""
