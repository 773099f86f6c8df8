"""One evaluator per file: how good are these choices?"""

from search.evaluators.shared_weights import SharedWeights

__all__ = ["SharedWeights"]
