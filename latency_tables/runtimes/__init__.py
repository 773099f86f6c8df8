"""What can run a model: one file per runtime, and the door that opens them by name.

A new runtime is a new file with the five members of `Runtime`, and a line in `open_runtime`.
"""

from latency_tables.runtimes.base import Runtime, RuntimeName
from latency_tables.runtimes.onnxruntime import OnnxRuntime
from latency_tables.runtimes.opening import RuntimeConfig, open_runtime, runtime_of

__all__ = ["OnnxRuntime", "Runtime", "RuntimeConfig", "RuntimeName", "open_runtime", "runtime_of"]
