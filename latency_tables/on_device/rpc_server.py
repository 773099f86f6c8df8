"""Let a device be measured from afar: TVM's RPC server, with an honest clock and a name.

Runs on the device, by itself: copy this one file there. It needs Python, numpy and apache-tvm.

    python rpc_server.py --tracker 192.168.1.2:9190 --key raspberry-pi-4

It differs from `python -m tvm.exec.rpc_server` in three points: it can tell the CPU time of a
call, so that other work on the device is not counted; it can say which device it is; and a library
that crashes takes only its own session with it.
"""

import argparse
import ctypes
import json
import os
import platform
import signal
import sys
import time

os.environ.setdefault("TVM_NUM_THREADS", "1")  # CPU time is that of one thread
os.environ.setdefault("TVM_USE_RUNTIME_LIB", "1")  # the compiler stays at home

import numpy as np
import tvm  # noqa: F401
import tvm_ffi
from tvm.rpc import server as tvm_server

PORTS = 100  # searched upwards from --port
FACTS = (
    ("/proc/device-tree/model", None),
    ("/proc/cpuinfo", "model name"),
    ("/proc/cpuinfo", "Model"),
    ("/proc/cpuinfo", "Hardware"),
)


@tvm_ffi.register_global_func("latency_tables.describe", override=True)
def describe() -> str:
    """Which device this is, as JSON."""
    status = _read("/proc/self/status")
    facts = {
        "cpu": next(filter(None, (_fact(path, key) for path, key in FACTS)), platform.machine()),
        "machine": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count() or 1,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None,
        "emulated": "qemu" in status.partition("\n")[0],
        "threads": int(os.environ["TVM_NUM_THREADS"]),
        "load": os.getloadavg()[0],
    }
    return json.dumps(facts)


@tvm_ffi.register_global_func("latency_tables.time", override=True)
def timed(module: object, length_ns: int, patience_ns: int) -> bytes:
    """Run `main` of a virtual machine, whose input is set, until `length_ns` have passed.

    At least once. Returns pairs of int64: CPU time of this thread and wall time, in ns per call.
    """
    run = module["invoke_stateful"]  # type: ignore[index]
    stamps = [(time.thread_time_ns(), time.perf_counter_ns())]
    end, wall_end = stamps[0][0] + length_ns, stamps[0][1] + patience_ns
    while len(stamps) < 2 or (stamps[-1][0] < end and stamps[-1][1] < wall_end):
        run("main")
        stamps.append((time.thread_time_ns(), time.perf_counter_ns()))
    return np.diff(np.array(stamps, dtype=np.int64), axis=0).tobytes()


def survive_crashed_sessions() -> None:
    """A session is a process of its own; when it dies, the server goes on (TVM's own would not)."""
    serve = tvm_server._serving

    def serving(sock, *rest):
        folder = os.getcwd()
        try:
            serve(sock, *rest)
        except RuntimeError as error:
            print(f"a session ended badly: {error}", file=sys.stderr, flush=True)
        finally:
            os.chdir(folder)
            sock.close()

    tvm_server._serving = serving


def main() -> None:
    """Serve until somebody stops it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tracker", required=True, help="HOST:PORT of the tracker")
    parser.add_argument("--key", required=True, help="the name that this device goes by")
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen at")
    parser.add_argument("--port", type=int, default=9090, help="the first port to try")
    parser.add_argument("--address", help="the address that others see, where it is another one")
    parser.add_argument("--verbose", action="store_true", help="tell of every session")
    parser.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.die_with_parent:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    host, _, port = given.tracker.rpartition(":")
    survive_crashed_sessions()
    state = tvm_server.PopenRPCServerState(
        given.host,
        given.port,
        given.port + PORTS,
        tracker_addr=(host, int(port)),
        key=given.key,
        custom_addr=given.address,
        silent=not given.verbose,
    )
    print(f"ready: {given.key} at port {state.port}, tracker {given.tracker}", flush=True)
    state.thread.join()


def _fact(path: str, key: str | None) -> str | None:
    text = _read(path).replace("\0", "").strip()
    if key is None:
        return text or None
    pairs = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in pairs if name.strip() == key), None)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
