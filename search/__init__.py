"""Decide: problems, evaluators and strategies that look for the best network for a device."""
