"""Whole stories, each run by the tests."""
