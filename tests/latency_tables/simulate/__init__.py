"""Tests of simulated hardware."""
