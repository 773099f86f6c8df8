"""What the analyses tell of a network."""
