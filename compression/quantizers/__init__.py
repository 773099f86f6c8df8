"""Fewer bits: quantizers of weights and activations, and how they are put into a network."""
