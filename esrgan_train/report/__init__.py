"""The page of a run, or of several: one HTML file that needs no network, and a server that watches runs."""
