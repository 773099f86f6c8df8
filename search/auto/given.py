"""What automatic compression begins with: the network, its images, and what may be done to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from torch import nn

from compression.analysis.subject import exam_of, images_and_others, opened_trained
from compression.channels.cut import noise
from compression.channels.groups import Channels, find_channels
from compression.importance import L2
from compression.quantizers.fold import folded
from compression.quantizers.place import quantizable
from compression.selectors import Where
from compression.widths import Ranking, Sizes, ranked, stops_of
from latency_tables.runtimes import Runtime, RuntimeConfig, RuntimeName, open_runtime
from latency_tables.simulate.base import Hardware
from latency_tables.simulate.presets import HARDWARE
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS
from proxyless_nas.files import did_you_mean
from proxyless_nas.layer import Shape
from proxyless_nas.subject import Subject
from search.auto.config import HERE, AutoConfig, Method
from search.auto.costs import Cost, counted
from search.auto.goal import Goal, Metric
from search.auto.layerwise import Layerwise, bit_operations, on_hardware
from search.problems.compressed import Compressed, Compression
from training.datasets import Batch, Exam

HELPS: dict[Method, tuple[Metric, ...]] = {
    "channels": get_args(Metric),
    "sparsity": ("nonzeros",),
    "bits": ("bytes", "bops"),
    "int8": ("latency",),
}
"""Which costs a method lowers on a machine that is there; integers, which lower others too, are
made for a latency alone."""
ON_HARDWARE: dict[Method, tuple[Metric, ...]] = {
    "channels": get_args(Metric),
    "sparsity": ("nonzeros",),
    "bits": ("bytes", "bops", "latency", "energy"),
    "int8": (),
}
"""The same on simulated hardware, which computes with any number of bits."""
PLACES, REMOTE = (HERE, "cuda"), "rpc://"
INT8_RUNTIMES: tuple[RuntimeName, ...] = ("onnxruntime", "openvino")
"""Those that are given files of integers here."""


@dataclass(frozen=True)
class Given:
    """All that does not change while a goal is searched for."""

    config: AutoConfig
    goal: Goal
    subject: Subject
    whole: nn.Module
    lone: nn.Module
    """The whole network, its batch norms folded: what is counted and exported."""
    channels: Channels | None
    ranking: Ranking
    sizes: Sizes
    problem: Compression
    costs: dict[Metric, Cost]
    seen: Sequence[Batch]
    judged: Sequence[Batch]
    exam: Exam
    out: Path
    flows: bool
    """Whether what flows has 8 bits: on simulated hardware, which knows no float."""
    integers: bool
    """Whether all may be in int8 too."""
    runtime: Runtime | None
    """What measures, where the goal has a latency that is not simulated."""
    tunable: bool
    """Whether what is left may learn, from training images that judge nothing."""

    @property
    def ways(self) -> tuple[Compression, ...]:
        """What may be done to the network; and, where it may be in int8, what to that: there no
        weights have other bits."""
        in_int8 = replace(self.problem, int8=True, bits=(FLOAT_BITS,))
        return (self.problem, in_int8) if self.integers else (self.problem,)

    @property
    def nothing(self) -> Compressed:
        """What the whole network is: in float, or on simulated hardware in 8 bits everywhere."""
        return self.problem.decode([0] * len(self.problem.counts))


def given_of(config: AutoConfig, goal: Goal) -> Given:
    """ValueError where nothing was learned, or where no method helps the goal."""
    hardware = hardware_of(config, goal)
    source = opened_trained(config)
    subject, whole = source.subject, source.network.eval().requires_grad_(False)
    shape = subject.input
    methods = methods_for(config, goal, hardware)
    images, others = images_and_others(config, subject)
    tunable = may_tune(config, others)
    judged = list(images.test_batches(config.batch_size))
    seen = list(images.limited(config.calibrated_on).test_batches(config.batch_size))
    lone = folded(whole, shape)
    channels = _channels(whole, shape) if "channels" in methods else None
    ranking = ranked(L2().scores(whole, channels)) if channels is not None else {}
    lone_channels = Channels((), {}) if channels is None else _channels(lone, shape)
    assert lone_channels is not None
    sizes = Sizes(lone, lone_channels, shape, ranking)
    stops = stops_of(sizes.widths, config.multiple, config.widths)
    layers = quantizable(lone, shape)
    problem = Compression(
        stops=stops,
        layers=layers,
        bits=_bits(config, hardware, "bits" in methods),
        shares=(0.0, *config.shares) if "sparsity" in methods else (0.0,),
    )
    integers = "int8" in methods
    if not problem.knobs and not integers:
        hint = "; int8 is made where a latency is asked for" if "int8" in config.methods else ""
        raise ValueError(
            f"{', '.join(config.methods)} cannot lower {' and '.join(goal.metrics)} of "
            f"{subject.name}{hint}"
        )
    costs = counted(sizes, {name: f"{name}.weight" for name in layers})
    if "bops" in goal.metrics or hardware is not None:
        layerwise = Layerwise(lone, shape, sizes)
        costs["bops"] = bit_operations(layerwise, hardware is not None)
        costs |= {} if hardware is None else on_hardware(layerwise, hardware)
    exam = exam_of(config, subject, None)
    timed = "latency" in goal.metrics and hardware is None
    runtime = open_runtime(runtime_config(config)) if timed else None
    out = Path(config.out)
    return Given(
        config, goal, subject, whole, lone, channels, ranking, sizes, problem, costs, seen, judged,
        exam, out, hardware is not None, integers, runtime, tunable,
    )  # fmt: skip


def may_tune(config: AutoConfig, others: int) -> bool:
    """Whether `others`, the training images that judge nothing, are enough to learn from.

    ValueError where they are not and --epochs asks for it.
    """
    if config.epochs == 0 or others >= config.batch_size:
        return config.epochs != 0
    if config.epochs is None:
        return False
    raise ValueError(
        f"of {others + config.kept_apart} training images {others} are left to train with, fewer "
        f"than the {config.batch_size} of one step (--batch-size): take a smaller --limit"
    )


def runtime_config(config: AutoConfig) -> RuntimeConfig:
    """What is measured with, and where."""
    return RuntimeConfig(runtime=config.runtime, device=config.device, target=config.target)


def methods_for(config: AutoConfig, goal: Goal, hardware: Hardware | None) -> list[Method]:
    """Those of the config that lower a cost of the goal; int8 where a runtime computes with it."""
    helps = HELPS if hardware is None else ON_HARDWARE
    found: list[Method] = [
        one for one in config.methods if any(of in helps[one] for of in goal.metrics)
    ]
    timed = "latency" in goal.metrics and hardware is None
    if timed and config.runtime not in INT8_RUNTIMES and "int8" in found:
        found.remove("int8")
    return found


def hardware_of(config: AutoConfig, goal: Goal) -> Hardware | None:
    """The simulated hardware that the goal is about, if it is.

    ValueError for an energy that nobody here knows, and for a device that the goal is not about.
    """
    known: dict[str, Hardware] = {name: one for name, one in HARDWARE.items()}
    if config.device != HERE and not {"latency", "energy"} & set(goal.metrics):
        raise ValueError(f"--device {config.device}: the goal asks for no latency or energy of it")
    found = known.get(config.device)
    if found is None and config.device not in PLACES and not config.device.startswith(REMOTE):
        names = [*PLACES, *known]
        raise ValueError(
            f"no device {config.device!r}{did_you_mean(config.device, names)}: {', '.join(PLACES)} "
            f"or {REMOTE}HOST:PORT/KEY, or hardware that is simulated: {', '.join(known)}"
        )
    if found is None:
        if "energy" in goal.metrics:
            raise ValueError(
                f"energy is that of simulated hardware: say --device {' or '.join(known)}"
            )
        return None
    if "energy" in goal.metrics and not found.knows_energy:
        raise ValueError(f"no energies of {config.device} are known")
    return found


def _bits(config: AutoConfig, hardware: Hardware | None, searched: bool) -> tuple[int, ...]:
    if hardware is None:
        return (FLOAT_BITS, *config.weight_bits) if searched else (FLOAT_BITS,)
    fewer = [bits for bits in config.weight_bits if bits < MOST_BITS] if searched else []
    return (MOST_BITS, *fewer)


def _channels(network: nn.Module, shape: Shape) -> Channels | None:
    """The groups that may lose channels; None where there are none."""
    found = find_channels(network, noise(shape, network))
    try:
        return found.made_by(Where().layers(network))
    except ValueError:
        return None
