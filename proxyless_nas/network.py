"""The one currency: a frozen description of a network, and the module built from it."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace
from torch import Tensor, nn

from proxyless_nas.blocks import AnyBlock, BatchNorm, Classifier, Conv
from proxyless_nas.blocks.mbconv import InvertedBottleneck
from proxyless_nas.files import write_json
from proxyless_nas.layer import Layer, Shape
from proxyless_nas.seeds import seeded


class NetworkSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """A network, said completely: what search returns, tables price, training builds.

    `blocks` lie between the stem and the optional feature-mixing convolution `mix`.
    To change a spec, make another with `msgspec.structs.replace`.
    """

    name: str
    input: Shape
    stem: Conv
    blocks: tuple[AnyBlock, ...]
    mix: Conv | None
    classifier: Classifier
    norm: BatchNorm = BatchNorm()

    def __post_init__(self) -> None:
        for _ in self.placed():
            pass  # every block must be able to follow the one before it

    def placed(self) -> Iterator[tuple[str, AnyBlock, Shape]]:
        """Every block from input to output as (module name, block, its input shape)."""
        shape = self.input
        named: list[tuple[str, AnyBlock]] = [("stem", self.stem)]
        named += [(f"blocks.{index}", block) for index, block in enumerate(self.blocks)]
        if self.mix is not None:
            named.append(("mix", self.mix))
        for name, block in [*named, ("classifier", self.classifier)]:
            try:
                output = block.output(shape)
                block.layers(name, shape)
            except ValueError as error:
                raise ValueError(f"network {self.name}, {name}: {error}") from error
            yield name, block, shape
            shape = output

    def layers(self) -> tuple[Layer, ...]:
        """Every priced operation, in order; names equal module names of `build()`."""
        return tuple(
            layer for name, block, shape in self.placed() for layer in block.layers(name, shape)
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return sum(layer.macs for layer in self.layers())

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(layer.parameters for layer in self.layers())

    def with_classifier(
        self, classes: int | None = None, dropout: float | None = None
    ) -> "NetworkSpec":
        """The same network with other classes or another dropout; None keeps its own."""
        own = self.classifier
        classifier = replace(
            own,
            classes=own.classes if classes is None else classes,
            dropout=own.dropout if dropout is None else dropout,
        )
        return replace(self, classifier=classifier)

    def with_widths(self, widths: Mapping[str, int]) -> "NetworkSpec":
        """The same network whose layers have so many output channels, by their names.

        ValueError where blocks of these kinds cannot be so wide, or cannot follow each other.
        """
        wide = {
            name: block.with_widths(name, widths)
            for name, block, _ in self.placed()
            if not isinstance(block, Classifier)
        }
        blocks = tuple(wide[f"blocks.{index}"] for index in range(len(self.blocks)))
        return replace(self, stem=wide["stem"], blocks=blocks, mix=wide.get("mix"))

    def build(self, seed: int | None = None) -> "Network":
        """The module with fresh weights; a seed makes them repeatable without touching torch's."""
        with seeded(seed):
            return Network(self)

    def save(self, path: str) -> None:
        """Write the description as JSON, atomically."""
        write_json(path, self)


class Network(nn.Module):
    """[B, *spec.input] -> [B, classes] logits."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.blocks = nn.Sequential()
        for name, block, shape in spec.placed():
            parent, _, index = name.rpartition(".")
            home = self.get_submodule(parent) if parent else self
            home.add_module(index, block.build(shape, spec.norm))
        init_weights(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.get_submodule("stem")(x)
        x = self.blocks(x)
        if self.spec.mix is not None:
            x = self.get_submodule("mix")(x)
        return self.get_submodule("classifier")(x)


def adopt(network: nn.Module, donor: nn.Module) -> tuple[str, ...]:
    """Fill `network` from `donor`, which may have a classifier of another size.

    Returns the names of the tensors that stayed as they were, since their shapes differ.
    """
    own, theirs = network.state_dict(), donor.state_dict()
    kept = tuple(name for name in own if own[name].shape != theirs[name].shape)
    network.load_state_dict({**theirs, **{name: own[name] for name in kept}})
    return kept


def init_weights(module: nn.Module) -> None:
    """He fan-out initialisation with the fan divided by groups; linear maps as torch draws them."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.kernel_size[0] * part.kernel_size[1] * part.out_channels // part.groups
            nn.init.normal_(part.weight, std=(2.0 / fan_out) ** 0.5)


def silence_residuals(module: nn.Module) -> None:
    """Inverted bottlenecks with a residual begin as the identity: their last scale is zero.

    The scale is that of the last batch norm (Goyal et al. 2017, section 5.1).
    """
    for part in module.modules():
        if isinstance(part, InvertedBottleneck) and part.residual:
            *_, last = (one for one in part.modules() if isinstance(one, nn.BatchNorm2d))
            nn.init.zeros_(last.weight)
