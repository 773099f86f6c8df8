"""The whole remote path for another processor, emulated: compile here, run and time there."""

import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from latency_tables import LatencyTable
from latency_tables.devices import RemoteDevice
from latency_tables.measure import measure_space
from latency_tables.runtimes.tvm import Tvm
from latency_tables.runtimes.tvm.remote import RemoteCall
from tests.latency_tables.rpc import server, tracker
from tests.latency_tables.test_remote import BRIEF, FIVE, PART, expected

SCRIPT = Path(__file__).with_name("emulated_aarch64.sh")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "proxyless_nas"
NEEDED = ("qemu-aarch64", "aarch64-linux-gnu-gcc", "apt-get", "dpkg")


@pytest.fixture(scope="module")
def python() -> str:
    """An aarch64 Python with TVM; made once per machine."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: apt-get install qemu-user gcc-aarch64-linux-gnu")
    tvm, ffi = version("apache-tvm"), version("apache-tvm-ffi")
    folder = CACHE / f"aarch64-tvm-{tvm}"
    if not (folder / "python").exists():
        made = subprocess.run(
            [str(SCRIPT), str(folder), tvm, ffi], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip(f"no aarch64 packages: {made.stderr.strip().splitlines()[-1:]}")
    return str(folder / "python")


@pytest.mark.slow
def test_blocks_compiled_for_a_raspberry_pi_compute_the_same_there(python, tmp_path) -> None:
    out = tmp_path / "pi.json"
    with tracker() as port:
        process = server(port, "pi", (python,))
        try:
            runtime = Tvm(f"rpc://127.0.0.1:{port}/pi", "raspberry-pi-4", patience_s=60.0)
            device = runtime.device()
            assert isinstance(device, RemoteDevice)
            assert device.machine == "aarch64" and device.emulated
            model = PART.model()
            call = runtime.prepare(model)
            assert isinstance(call, RemoteCall)
            np.testing.assert_allclose(call.outputs(), expected(model), atol=1e-5)
            table = measure_space(FIVE, out, runtime=runtime, protocol=BRIEF, show=False)
        finally:
            process.kill()
    assert len(table.entries) == 5
    assert table.head.contended and "emulated" in str(table.head.reason)
    with pytest.raises(ValueError, match="emulated"):
        LatencyTable.load(out)
