"""Score and time the files: in ONNX Runtime, and in OpenVINO where that is installed."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from compression.int8.answers import Ask, answers_of, in_onnxruntime
from compression.int8.files import FLOAT, INT8, MIXED, Tried
from compression.int8.graph import changed, kernels_of, layers_in
from compression.int8.report import Row
from latency_tables.model import OnnxModel
from latency_tables.networks import Measured, measure_networks
from latency_tables.protocol import Protocol
from latency_tables.runtimes import OnnxRuntime, Runtime, RuntimeConfig, open_runtime
from training.datasets import Batch

VISITS = 40


class Scored(Struct, frozen=True):
    """Rows by name, as they stand in a report, and the files of those in ONNX Runtime.

    Of the mixed files the fastest stays: `kept` are its layers in float, `tried` the ms of all.
    """

    rows: dict[str, Row]
    files: dict[str, bytes]
    kept: tuple[str, ...]
    tried: dict[str, float]
    no_openvino: str | None
    contended: str | None


class _There(Struct, frozen=True):
    """A file in a runtime: how it is asked, its time, its integer layers, all, changed ones."""

    ask: Ask
    time: Measured
    integer: int
    layers: int
    changed: tuple[str, ...] = ()


def score(tried: Tried, batches: Iterable[Batch], protocol: Protocol, openvino: bool) -> Scored:
    """Time all files for one image, interleaved; let those that stay answer `batches`."""
    times = _timed(tried.files, OnnxRuntime(), protocol)
    mixed = {name: times[name].p10_ms for name in tried.mixed()}
    best = {MIXED: min(mixed, key=mixed.__getitem__)} if mixed else {}
    source = {FLOAT: FLOAT, INT8: INT8} | best
    files = {name: tried.files[source[name]] for name in source}
    here = {
        name: _in_onnxruntime(files[name], tried.keep[source[name]], times[source[name]])
        for name in source
    }
    beside, reason = _in_openvino(files, protocol) if openvino else ({}, "OpenVINO was not asked")
    everywhere = here | beside
    answers = answers_of({name: one.ask for name, one in everywhere.items()}, batches)
    layers = layers_in(tried.files[FLOAT])
    return Scored(
        rows={
            name: Row(
                runtime="onnxruntime" if name in here else "openvino",
                answers=answers[name],
                ms=one.time.p10_ms,
                spread=one.time.halves,
                bytes=len(files[name.partition(" ")[0]]),
                integer=one.integer,
                layers=one.layers,
                changed=one.changed,
            )
            for name, one in everywhere.items()
        },
        files=files,
        kept=tuple(layers[node].name for node in (tried.keep[best[MIXED]] if best else ())),
        tried=mixed,
        no_openvino=reason,
        contended=next((o.time.contended for o in everywhere.values() if o.time.contended), None),
    )


def _timed(files: Mapping[str, bytes], runtime: Runtime, protocol: Protocol) -> dict[str, Measured]:
    models = [OnnxModel(name, data) for name, data in files.items()]
    measured = measure_networks(models, visits=VISITS, runtime=runtime, protocol=protocol)
    return dict(zip(files, measured, strict=True))


def _in_onnxruntime(data: bytes, keep: tuple[str, ...], time: Measured) -> _There:
    kernels = kernels_of(data, runs=1)
    integer = sum(kernel.integer for kernel in kernels.values())
    otherwise = changed(layers_in(data), kernels, keep)
    return _There(in_onnxruntime(data), time, integer, len(kernels), tuple(otherwise))


def _in_openvino(
    files: Mapping[str, bytes], protocol: Protocol
) -> tuple[dict[str, _There], str | None]:
    """The same files but the mixed one, which was chosen by another runtime's clock."""
    both = {name: files[name] for name in (FLOAT, INT8)}
    try:
        runtime = open_runtime(RuntimeConfig(runtime="openvino"))
        from compression.int8.in_openvino import in_openvino

        times = _timed(both, runtime, protocol)
        asked = {name: in_openvino(data) for name, data in both.items()}
    except ValueError as error:
        return {}, f"OpenVINO was not asked: {error}"
    return {
        f"{name} openvino": _There(ask, times[name], integer, layers)
        for name, (ask, integer, layers) in asked.items()
    }, None
