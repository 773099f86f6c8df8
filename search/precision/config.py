"""Everything that a search for bits can be told."""

from typing import Annotated, Literal

from compression.analysis.subject import ImagesConfig
from proxyless_nas.command import short

CostName = Literal["latency", "energy", "bytes", "bops"]
StrategyName = Literal["knapsack", "gates", "ddpg", "evolution", "random", "uniform"]
ALL_BITS = (8, 7, 6, 5, 4, 3, 2)


class HaqConfig(ImagesConfig, frozen=True, kw_only=True):
    """Search bits of weights and activations, layer by layer, for the most accurate network within
    a budget on simulated hardware; nothing is trained.

    Networks are judged by training images, rounded but not tuned, and the results once by test
    images. The first and the last layer have 8 bits.
    """

    out: Annotated[str, short("o")]
    """Run folder; each budget has a folder of its own in it, with bits.json. What was judged is
    kept: the same command continues."""
    hardware: str = "bismo-cloud"
    """bismo-edge, bismo-cloud, bitfusion, or an .npy file of cycles [layers, 8, 8]."""
    cost: CostName = "latency"
    """What is budgeted: ms or mJ of one call on the hardware, bytes of weights, or bit operations
    for one image."""
    budget: tuple[float, ...] = ()
    """Most that the network may cost; several share what was judged."""
    share: tuple[float, ...] = ()
    """The same as shares of what 8 bits everywhere cost."""
    ends: bool = False
    """Whether the first and the last layer count in the cost (HAQ's latencies leave them out)."""
    strategy: StrategyName = "knapsack"
    """knapsack: every layer is tried alone, then the best sum is solved for; gates: ProxylessNAS-
    style probabilities; ddpg: HAQ's agent; evolution; random; uniform: the most bits that fit."""
    weight_bits: tuple[int, ...] = ALL_BITS
    """Bits that a layer's weights may have, falling."""
    activation_bits: tuple[int, ...] = ALL_BITS
    """Bits that what flows into a layer may have, falling."""
    evaluations: int | None = None
    """Most networks that are judged for each budget; default: what the strategy needs."""
    calibrated_on: int = 128
    """Of the --limit images, so many set the ranges of activations."""
    step_images: int = 32
    """Images of each step of `gates`."""

    def __post_init__(self) -> None:
        if not self.budget and not self.share:
            raise ValueError("give --budget, or --share of what 8 bits cost")
        if not all(0 < one <= 1 for one in self.share):
            raise ValueError("a --share lies above 0 and up to 1")
        if self.calibrated_on < 1 or self.step_images < 1:
            raise ValueError("--calibrated-on and --step-images are 1 or more")
