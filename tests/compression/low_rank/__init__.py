"""Tests of layers of low rank."""
