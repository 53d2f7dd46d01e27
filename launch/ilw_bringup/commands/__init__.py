"""Commands of ./ilw that have a file each."""
