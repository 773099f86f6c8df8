"""Pruning in four steps: analyse, prune, fine-tune, transform; each leaves files for the next."""
