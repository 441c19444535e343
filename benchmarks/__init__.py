"""How fast this project is, and what a training will cost; no part of the package."""
