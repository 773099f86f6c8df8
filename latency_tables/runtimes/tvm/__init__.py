"""Run ONNX models compiled by TVM (Relax), here or on a device that runs TVM's RPC server."""

from latency_tables.runtimes.tvm.runtime import Tvm

__all__ = ["Tvm"]
