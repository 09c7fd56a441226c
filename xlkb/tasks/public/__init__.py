"""Public data sets, from the hub or from a folder of the same files."""
