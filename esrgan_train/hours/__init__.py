"""``recipe.hours``: how many iterations of each stage fit into a time, on the device that is there."""
