"""Files that hold networks: read and written in the layouts of the field."""
