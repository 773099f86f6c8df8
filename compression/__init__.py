"""Obey: turn one network into another, smaller or elsewhere runnable, and prove it the same."""
