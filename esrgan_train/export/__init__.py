"""From a trained generator to the files that other programs run, each run once before it is kept."""
