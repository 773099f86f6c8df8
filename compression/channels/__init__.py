"""Channels: which of them hang together, and how they are masked and removed."""
