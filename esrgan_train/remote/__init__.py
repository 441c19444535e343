"""Places that are no local folder, such as a bucket: their addresses, and reading and writing what lies there."""
