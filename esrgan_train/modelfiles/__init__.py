"""Model files: read and written in the layouts of the field, never unpickled."""
