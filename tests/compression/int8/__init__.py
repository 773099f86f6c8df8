"""Laws of int8 files."""
