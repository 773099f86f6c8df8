"""One evaluator per file: how good are these choices?"""

from search.evaluators.shared_weights import SharedWeights

AnyEvaluator = SharedWeights

__all__ = ["AnyEvaluator", "SharedWeights"]
