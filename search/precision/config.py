"""Everything that a search for bits can be told."""

from typing import Annotated, Literal

from compression.analysis.subject import ImagesConfig
from proxyless_nas.bits import FLOAT_BITS, MOST_BITS, Bits
from proxyless_nas.command import Switch, short

CostName = Literal["latency", "energy", "size", "bops"]
StrategyName = Literal["knapsack", "gates", "ddpg", "evolution", "random", "uniform"]
KindName = Literal["range", "codebook"]
FROM_TWO = (8, 7, 6, 5, 4, 3, 2)
FROM_ONE = (*FROM_TWO, 1)


class HaqConfig(ImagesConfig, frozen=True, kw_only=True):
    """Search bits of weights and activations, layer by layer, for the least loss within a budget.

    The budget is one of latency, energy, size or bit operations; nothing is trained. Networks are
    judged by training images, rounded but not tuned; test images score the results, once. For
    latency, energy and bit operations the first and the last layer keep 8 bits; for size only
    weights are rounded, to codebooks, in all layers. Then tune what was found: python main.py ...
    --compress OUT/BUDGET/tune.yaml
    """

    out: Annotated[str, short("o")]
    """Run folder; each budget has a folder of its own in it, with bits.json and tune.yaml. What was
    judged is kept: the same command continues."""
    cost: CostName = "latency"
    """What is budgeted: ms or mJ of one call on the hardware, bytes of weights, or bit operations
    for one image."""
    hardware: str | None = None
    """bismo-edge, bismo-cloud, bitfusion, or an .npy file of cycles [layers, 8, 8]; default:
    bismo-cloud for latency, bitfusion for energy."""
    budget: tuple[float, ...] = ()
    """Most that the network may cost; several share what was judged."""
    share: tuple[float, ...] = ()
    """The same as shares of what the layers whose bits are searched cost with the most bits."""
    strategy: StrategyName = "knapsack"
    """knapsack: the least sum of what layers lose alone, solved for, and its neighbours; gates:
    ProxylessNAS-style probabilities; ddpg: HAQ's agent; evolution; random; uniform: the best of
    the pairs that all layers can have."""
    told_by: Literal["curvature", "probes"] = "curvature"
    """How knapsack knows what a layer loses alone: from the slopes of one backward pass, or by
    judging the network with that layer at fewer bits, bits after bits and layer after layer."""
    told_by_images: int = 64
    """How many of the --limit images that takes."""
    evaluations: int | None = None
    """Most networks that are judged for each budget; default: what the strategy needs."""
    tolerance: float = 0.03
    """Networks of gates, evolution and random cost at most so much less than the budget."""
    weight_bits: tuple[int, ...] | None = None
    """Bits that a layer's weights may have, from most to fewest; default: 8 to 2, for size 8 to
    1."""
    activation_bits: tuple[int, ...] | None = None
    """Bits that what flows into a layer may have, from most to fewest; default: 8 to 2, for size
    float (32)."""
    kind: KindName | None = None
    """Levels of weights: evenly spaced, or found by k-means; default: range, for size codebook."""
    search_ends: Switch = None
    """Whether bits of the first and the last layer are searched too; default: for size."""
    count_ends: bool = False
    """Whether a first and a last layer of 8 bits count in the cost (HAQ leaves them out)."""
    calibrated_on: int = 128
    """Of the --limit images, so many set the ranges of activations."""
    step_images: int = 32
    """Images of each step of `gates`."""

    def __post_init__(self) -> None:
        if not all(0 < one <= 1 for one in self.share):
            raise ValueError("a --share lies above 0 and up to 1")
        if min(self.calibrated_on, self.told_by_images, self.step_images) < 1:
            raise ValueError("--calibrated-on, --told-by-images and --step-images are 1 or more")
        if self.evaluations is not None and self.evaluations < 1:
            raise ValueError("--evaluations is 1 or more")
        if not 0 < self.tolerance < 1:
            raise ValueError("--tolerance lies between 0 and 1")
        if self.hardware is not None and self.cost in ("size", "bops"):
            raise ValueError(f"--cost {self.cost} is the same on all hardware: leave that out")
        if self.evaluations is not None and self.strategy == "uniform":
            raise ValueError("uniform compares a few pairs: leave --evaluations out")

    @property
    def machine(self) -> str:
        """The hardware, where there is one."""
        return self.hardware or ("bitfusion" if self.cost == "energy" else "bismo-cloud")

    @property
    def bits(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of weights and of activations."""
        own = (FROM_ONE, (FLOAT_BITS,)) if self.cost == "size" else (FROM_TWO, FROM_TWO)
        return self.weight_bits or own[0], self.activation_bits or own[1]

    @property
    def ends(self) -> Bits | None:
        """Bits of the first and the last layer, where they are fixed; float stays float."""
        searched = self.cost == "size" if self.search_ends is None else self.search_ends
        weights, activations = (max(bits) for bits in self.bits)
        return None if searched else Bits(max(weights, MOST_BITS), max(activations, MOST_BITS))

    @property
    def levels(self) -> KindName:
        """The kind of weights."""
        return self.kind or ("codebook" if self.cost == "size" else "range")
