"""Run ONNX models compiled by TVM (Relax), here or on a device that runs TVM's RPC server.

The tuner writes loops that TVM would share out among all cores. Our clock counts one thread's time,
so within this process TVM gets one.
"""

import os

os.environ["TVM_NUM_THREADS"] = "1"  # read when TVM first runs such a loop

from latency_tables.runtimes.tvm.runtime import Tvm

__all__ = ["Tvm"]
