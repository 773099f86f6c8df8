"""Tests of compression/readers/pocketflow."""
