"""The data sets by name, one file each."""
