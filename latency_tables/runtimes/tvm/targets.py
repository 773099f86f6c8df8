"""The processors that TVM can compile for by name, and the linker that each needs."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tvm
from tvm.support.cc import create_shared, cross_compiler

from latency_tables.reasons import last_line
from proxyless_nas.files import did_you_mean

LINUX_ARM = {"kind": "llvm", "mtriple": "aarch64-linux-gnu"}
LINUX_X86 = {"kind": "llvm", "mtriple": "x86_64-linux-gnu"}
PRESETS: dict[str, dict[str, Any]] = {
    "aarch64": {**LINUX_ARM, "mcpu": "generic", "mattr": ["+neon"]},
    "raspberry-pi-3": {**LINUX_ARM, "mcpu": "cortex-a53", "mattr": ["+neon"]},
    "raspberry-pi-4": {**LINUX_ARM, "mcpu": "cortex-a72", "mattr": ["+neon"]},
    "raspberry-pi-5": {
        **LINUX_ARM,
        "mcpu": "cortex-a76",
        "mattr": ["+neon", "+dotprod", "+fullfp16"],
    },
    "graviton-3": {**LINUX_ARM, "mcpu": "neoverse-v1"},
    "android-arm64": {"kind": "llvm", "mtriple": "aarch64-linux-android", "mattr": ["+neon"]},
    "apple-m1": {"kind": "llvm", "mtriple": "arm64-apple-macosx11.0.0", "mcpu": "apple-m1"},
    "apple-m2": {"kind": "llvm", "mtriple": "arm64-apple-macosx13.0.0", "mcpu": "apple-m2"},
    "x86-64": {**LINUX_X86, "mcpu": "x86-64"},
    "x86-64-avx2": {**LINUX_X86, "mcpu": "x86-64-v3"},
    "x86-64-avx512": {**LINUX_X86, "mcpu": "x86-64-v4"},
}
HOST = "host"
GNU_ARM_LINKER = "aarch64-linux-gnu-gcc"


def target_of(name: str) -> dict[str, Any]:
    """The target of a preset's name, of `host`, or of a JSON object in TVM's own words.

    Always for one thread. ValueError lists the names.
    """
    if name == HOST:
        given = {"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu()}
    elif name.startswith("{"):
        try:
            given = json.loads(name)
        except ValueError as error:
            raise ValueError(f"--target {name} is no JSON object: {error}") from error
    elif name in PRESETS:
        given = PRESETS[name]
    else:
        known = [HOST, *PRESETS]
        raise ValueError(
            f"no target {name!r}{did_you_mean(name, known)}; targets: {', '.join(known)}, or a "
            'JSON object such as \'{"kind": "llvm", "mcpu": "cortex-a55"}\''
        )
    try:
        tvm.target.Target({**given, "num-cores": 1})
    except Exception as error:  # TVM's errors share no narrower base
        raise ValueError(f"--target {name}: TVM does not take it: {last_line(error)}") from error
    return {**given, "num-cores": 1}


def export(executable: Any, target: dict[str, Any], folder: Path, name: str) -> Path:
    """Write a compiled model as a library that the target can load, and return its path.

    For a Mac it is a .tar of object files, which the server on the Mac links. ValueError names the
    linker that is missing.
    """
    triple = str(target.get("mtriple", ""))
    path = folder / f"{name}{'.tar' if 'apple' in triple else '.so'}"
    if "apple" in triple:
        executable.export_library(str(path))
    else:
        executable.export_library(str(path), fcompile=_linker(triple))
    return path


def _linker(triple: str) -> Callable[..., Any]:
    if "android" in triple:
        if not os.environ.get("TVM_NDK_CC"):
            raise ValueError(
                "an Android target needs the NDK: set TVM_NDK_CC to its compiler, for example "
                ".../toolchains/llvm/prebuilt/linux-x86_64/bin/aarch64-linux-android28-clang++"
            )
        from tvm.support import ndk  # reads TVM_NDK_CC when it is imported

        return ndk.create_shared
    if triple.startswith("aarch64"):
        if shutil.which(GNU_ARM_LINKER) is None and os.uname().machine != "aarch64":
            raise ValueError(
                f"an aarch64 target needs {GNU_ARM_LINKER}: apt-get install gcc-aarch64-linux-gnu"
            )
        return cross_compiler(GNU_ARM_LINKER) if shutil.which(GNU_ARM_LINKER) else create_shared
    return create_shared
