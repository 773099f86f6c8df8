"""Least squares: layers make up for channels that are gone."""
