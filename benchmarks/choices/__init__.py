"""What bought what: rows that differ from a base in one choice, trained for equally many iterations."""
