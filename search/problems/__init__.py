"""One kind of problem per file: what can be chosen, and what a choice means."""

from search.problems.architecture import Architecture

AnyProblem = Architecture

__all__ = ["AnyProblem", "Architecture"]
