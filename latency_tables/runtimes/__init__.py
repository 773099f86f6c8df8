"""What can run a model on this machine: one file per runtime, and the list of them.

A runtime answers `info()` for the head of a table and `prepare(model)`, which returns a callable
that runs the model once. A new runtime is a new file here and a member of `AnyRuntime`.
"""

from latency_tables.runtimes.onnxruntime import OnnxRuntime

AnyRuntime = OnnxRuntime

__all__ = ["AnyRuntime", "OnnxRuntime"]
