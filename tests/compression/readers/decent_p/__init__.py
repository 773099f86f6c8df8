"""Tests of compression/readers/decent_p."""
