"""Analysis: what to look at before and after compressing a network."""
