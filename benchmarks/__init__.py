"""One question per file, answered as a ratio of things measured in the same run."""
