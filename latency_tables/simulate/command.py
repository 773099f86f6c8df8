"""The command `simulate`: what a network costs on hardware that is known as formulas."""

from typing import Annotated

from msgspec import Struct

from latency_tables.simulate.presets import AnyHardware, open_hardware
from latency_tables.simulate.pricing import network_mj, network_ms, without_ends
from proxyless_nas.bits import (
    Policy,
    bit_operations,
    load_policy,
    read_bits,
    uniform,
    weight_bytes,
    with_bits,
)
from proxyless_nas.command import short
from proxyless_nas.counting import layers_of
from proxyless_nas.drawing.tables import table_lines
from proxyless_nas.files import write_json
from proxyless_nas.layer import Layer
from proxyless_nas.subject import open_subject

USUAL_BITS = ("4", "5", "6", "8")
HEAD = ("bits", "latency, ms", "energy, mJ", "weights, kB", "BOPs, M")
LAYER_HEAD = ("layer", "input", "output", "kernel", "groups", *HEAD)


class SimulateConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Say what a network takes on simulated hardware, at uniform bits or under a policy.

    Latency and energy are those of one call, of as many images as the hardware takes at once; BOPs
    (MACs x bits of weights x bits of activations) are those of one image. Convolutions and linear
    maps are priced, and no other products, such as those inside attention.
    """

    arch: Annotated[str, short("a")]
    """The network: a file, a published name, one of torchvision's, or module:function."""
    hardware: str
    """bismo-edge, bismo-cloud, bitfusion, or an .npy file of cycles per layer, [layers, 8, 8]."""
    bits: tuple[str, ...] = ()
    """Bits of all layers, one row each: 4 for weights and activations, w6a4 for six and four;
    default: 4 5 6 8, or none where a policy is given."""
    policy: str | None = None
    """A file with the bits of every layer, as one more row."""
    leave_out_ends: bool = False
    """Leave the first and the last layer out of all sums, as HAQ's latencies on BISMO do."""
    per_layer: bool = False
    """Show every layer too."""
    json: str | None = None
    """Write all of it to this file."""
    num_classes: int | None = None
    """Classes that the network tells apart; default: its own."""
    resolution: int | None = None
    """Side of its input in pixels; default: its own."""


class Price(Struct, frozen=True):
    """What one layer or a whole network takes; energy is None where the hardware has none."""

    latency_ms: float
    energy_mj: float | None
    weight_bytes: float
    bit_operations: int


class LayerPrice(Struct, frozen=True):
    """A layer with its bits."""

    layer: Layer
    bits: str
    price: Price


class Row(Struct, frozen=True):
    """A network with one choice of bits: the bits, or the policy's file."""

    bits: str
    total: Price
    layers: tuple[LayerPrice, ...]


class Simulation(Struct, frozen=True):
    """What `--json` holds."""

    network: str
    hardware: str
    batch: int
    left_out: tuple[str, ...]
    rows: tuple[Row, ...]


def run_simulate(config: SimulateConfig) -> None:
    """The command; ValueError where network, hardware, bits or policy do not go together."""
    found = simulated(config)
    if config.json is not None:
        write_json(config.json, found)
    print("\n".join(lines(found, config.per_layer)))


def simulated(config: SimulateConfig) -> Simulation:
    """The prices that a config asks for."""
    wanted = config.bits or (USUAL_BITS if config.policy is None else ())
    widths = [read_bits(text) for text in wanted]
    subject = open_subject(config.arch, config.resolution, config.num_classes)
    layers = with_bits(layers_of(subject.build(seed=0), subject.input))
    hardware = open_hardware(config.hardware, layers)
    policies = [(str(bits), uniform(layers, bits, subject.name)) for bits in widths]
    if config.policy is not None:
        policies.append((config.policy, load_policy(config.policy, layers)))
    counted = without_ends(layers) if config.leave_out_ends else layers
    return Simulation(
        network=f"{subject.name} at {subject.input}",
        hardware=config.hardware,
        batch=hardware.batch,
        left_out=tuple(layer.name for layer in layers if layer not in counted),
        rows=tuple(_row(name, policy, hardware, counted) for name, policy in policies),
    )


def lines(found: Simulation, per_layer: bool = False) -> list[str]:
    """What the command prints."""
    images = "1 image" if found.batch == 1 else f"{found.batch} images"
    without = f", without {' and '.join(found.left_out)}" if found.left_out else ""
    said = [f"{found.network} on {found.hardware}, {images} per call{without}"]
    said += table_lines(HEAD, [[row.bits, *_figures(row.total)] for row in found.rows])
    for row in found.rows if per_layer else ():
        said += ["", row.bits, *table_lines(LAYER_HEAD, [*map(_layer_cells, row.layers)], left=3)]
    return said


def _row(name: str, policy: Policy, hardware: AnyHardware, layers: tuple[Layer, ...]) -> Row:
    priced = tuple(
        LayerPrice(layer, str(policy.of(layer)), _price(policy, hardware, (layer,)))
        for layer in layers
    )
    return Row(name, _price(policy, hardware, layers), priced)


def _price(policy: Policy, hardware: AnyHardware, layers: tuple[Layer, ...]) -> Price:
    return Price(
        latency_ms=network_ms(hardware, layers, policy),
        energy_mj=network_mj(hardware, layers, policy) if hardware.knows_energy else None,
        weight_bytes=weight_bytes(layers, policy),
        bit_operations=bit_operations(layers, policy),
    )


def _figures(price: Price) -> list[str]:
    return [
        f"{price.latency_ms:.3f}",
        "-" if price.energy_mj is None else f"{price.energy_mj:.3f}",
        f"{price.weight_bytes / 1e3:,.1f}",
        f"{price.bit_operations / 1e6:,.1f}",
    ]


def _layer_cells(one: LayerPrice) -> list[str]:
    layer = one.layer
    kernel = f"{layer.kernel}x{layer.kernel_width or layer.kernel}"
    sides = [str(layer.input), str(layer.output)]
    return [layer.name, *sides, kernel, str(layer.groups), one.bits, *_figures(one.price)]
