"""Steps of a chain, one a file: what is drawn, and how it is rendered."""
