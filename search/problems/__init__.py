"""One kind of problem per file: what can be chosen, and what a choice means."""

from search.problems.architecture import Architecture

__all__ = ["Architecture"]
