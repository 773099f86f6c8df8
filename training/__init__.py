"""Teach networks: data, the training loop, evaluation, and runs that survive being killed."""
