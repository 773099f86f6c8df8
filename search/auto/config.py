"""Everything that automatic compression can be told."""

from typing import Annotated, Literal, get_args

from compression.analysis.subject import ImagesConfig
from compression.quantizers.grid import must_be_bits
from latency_tables.runtimes import RuntimeConfig, RuntimeName
from proxyless_nas.command import short
from search.strategies.by_optuna import opened_optuna

Method = Literal["channels", "sparsity", "bits", "int8"]
StrategyName = Literal[
    "least-lost",
    "sensitivity",
    "knapsack",
    "back-tracking",
    "uniform",
    "random",
    "evolution",
    "ddpg",
    "tpe",
    "gp",
    "nsga2",
]
BY_OPTUNA: tuple[StrategyName, ...] = ("tpe", "gp", "nsga2")
HERE = "cpu"
METHODS: tuple[Method, ...] = get_args(Method)


class AutoConfig(ImagesConfig, frozen=True, kw_only=True):
    """Compress a trained network until it meets a goal, by what loses least.

    Channels leave, weights become zero or get fewer bits, or everything becomes int8, as the goal
    asks for; how much of which, layer by layer, is searched on training images alone. What is found
    is scored on test images, and written with a recipe that makes it again. A run that was stopped
    continues.
    """

    out: Annotated[str, short("o")]
    """Run folder: report.html and report.json, recipe.yaml, the network, and what was judged."""
    goal: Annotated[str, short("g")]
    """What it may cost, as shares of what it costs now or in units, and the points of accuracy that
    may be lost: "latency=0.5x accuracy_drop=0.5", "bytes=100kB", "macs=20M", "nonzeros=0.2x",
    "bops=0.1x"; on simulated hardware "energy=0.5x" too."""
    runtime: RuntimeName = "onnxruntime"
    """The program whose latency is measured, with one thread."""
    device: str = HERE
    """Where: cpu (this machine), cuda, rpc://HOST:PORT/KEY (a tracker and its device), or hardware
    that is simulated: bismo-edge, bismo-cloud, bitfusion."""
    target: str | None = None
    """What tvm compiles for: a preset such as raspberry-pi-4, or JSON; by default this CPU."""
    methods: tuple[Method, ...] = METHODS
    """What may be done; what does not help the goal is not tried. int8 is for a latency."""
    strategy: StrategyName = "least-lost"
    """least-lost: what each change loses alone is judged, then where least is lost for what is
    saved goes first; sensitivity: of the same, each what loses no more than one threshold, as in
    Vitis; knapsack: of the same, the least sum; back-tracking: step by step where most is saved,
    undone and halved where accuracy falls by more than --floor (Mayo); uniform: the same
    everywhere, to compare. The others judge --networks that meet the goal: random; evolution; ddpg,
    an agent as in AMC and PocketFlow; and by Optuna, pip install '.[optuna]', tpe, gp, and nsga2,
    which looks below the goal too."""
    floor: float = 5.0
    """Points of accuracy on images of the search that back-tracking may lose, before tuning."""
    tries: int = 10
    """Networks that least-lost and knapsack judge when what each change loses alone is known, the
    first solution among them."""
    networks: int = 200
    """Networks that random, evolution, ddpg, tpe, gp and nsga2 judge."""
    multiple: int = 4
    """Widths are multiples of it."""
    widths: int = 8
    """Most widths that are considered for each group of channels."""
    weight_bits: tuple[int, ...] = (8, 6, 5, 4, 3, 2)
    """Bits that weights may have, from most to fewest; float is always possible."""
    shares: tuple[float, ...] = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
    """Shares of the weights of a layer that may be zero, rising."""
    calibrated_on: int = 256
    """Of the --limit images, so many fit layers anew and estimate ranges."""
    reconstruct: int = 500
    """Steps, per layer, of learning how its weights are rounded, where nothing else is done."""
    epochs: int | None = None
    """Epochs in which what is left learns, with the whole network as teacher, the first tenth of
    them a warm-up; 0: none; default: 15 where images of the search say that more accuracy is lost
    than may be, else none. Then the tuned network is taken, or with --held-out the one that is
    better on those images."""
    base_lr: float = 0.01
    """Peak learning rate of tuning."""
    strength: float = 1.0
    """How much the teacher counts in tuning; where much has gone try 0.1, and a larger rate."""
    threads: int | None = None
    """CPU threads of the search and of tuning; default: all cores. Latencies are of one."""
    spread_s: float = 15.0
    """Seconds over which layers are measured, at least: a machine has slow spells of some seconds,
    which are left out."""
    layers: str | None = None
    """File of the times of layers, for a latency; default: layers.json in --out. Searches for other
    goals of the same network may share it: what is there is not measured again."""

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError(f"--methods: some of {', '.join(METHODS)}")
        for bits in self.weight_bits:
            must_be_bits(bits)
        for flag in ("tries", "networks", "multiple", "widths", "calibrated_on"):
            if getattr(self, flag) < 1:
                raise ValueError(f"--{flag.replace('_', '-')} is 1 or more")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"--threads {self.threads} is below 1")
        least = min(self.floor, self.reconstruct, self.epochs or 0, self.strength, self.spread_s)
        if least < 0 or self.base_lr <= 0:
            raise ValueError(
                "--floor, --reconstruct, --epochs, --strength and --spread-s are 0 or more, "
                "--base-lr is above 0"
            )
        if list(self.weight_bits) != sorted(set(self.weight_bits), reverse=True):
            raise ValueError("--weight-bits fall, each said once")
        rising = list(self.shares) == sorted(set(self.shares))
        if not self.shares or not rising or not 0 < min(self.shares) <= max(self.shares) < 1:
            raise ValueError("--shares rise, above 0 and below 1, each said once")
        RuntimeConfig(runtime=self.runtime, target=self.target)
        if self.strategy in BY_OPTUNA:
            opened_optuna()
