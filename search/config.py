"""Everything a search can be told; one struct per preset."""

from typing import Annotated, Literal

from msgspec import Struct

from proxyless_nas.command import short
from search.costs import CostName
from search.evaluators.shared_weights import SupernetFormat
from search.gates import Keep
from search.objective import CostLoss
from training.datasets import DatasetName
from training.device import DeviceName
from training.workers import EngineName


class SearchConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search a space for the most accurate network within a budget."""

    space: str
    """The space: fashion, smoke, imagenet-mobile, cifar-mobile, cifar-tree, or a YAML file."""
    out: str
    """Run folder; one that holds an interrupted search continues it. With several budgets each has
    a folder of its own in it."""
    table: str | None = None
    """Latency table of the target device: a file, or the name of a shipped one."""
    budget: tuple[float, ...] = ()
    """What the network may cost, in the unit of --cost: ms for a latency. Several budgets share
    one warm-up. Without one, cost is ignored."""
    cost: CostName = "latency"
    """What is budgeted; latency and energy come from the table."""
    tolerance: float = 0.02
    """The result is predicted at most so much below its budget, never above it."""
    peak_memory: float | None = None
    """Most bytes of float32 feature maps that the network may need at once, for one image;
    candidates that need more are left out of the space."""
    allow_contended: bool = False
    """Take a table even though it was measured on a busy machine."""
    dataset: DatasetName = "fashion"
    """Which data; the test set is never read."""
    path: Annotated[str | None, short("p")] = None
    """Folder of the data; without it the known places are tried."""
    limit: int | None = None
    """Use only so many training images."""
    held_out: int = 5000
    """Training images kept from the weights: they train the architecture and validate."""
    epochs: float = 4.0
    """Passes over the training images, warm-up included."""
    batch_size: int = 128
    """Images per step and worker."""
    base_lr: float = 0.15
    """Peak learning rate of the weights for 64 images per step."""
    momentum: float = 0.9
    """Nesterov momentum of the weights."""
    wd: float = 1e-4
    """Weight decay of the weights."""
    label_smoothing: float = 0.0
    """Share of every label that is spread over all classes, for the weights only."""
    zero_last_gamma: bool = True
    """Residual candidates begin as the identity, so that one that has learned little does no harm
    to the others; without it all begin as drawn, as in the paper."""
    path_drop: float = 0.0
    """Probability with which a tree loses one of two paths while weights learn."""
    precision: SupernetFormat = "float32"
    """bf16: activations in half the bits."""
    device: DeviceName = "auto"
    """Where the supernet runs."""
    distributed: EngineName = "auto"
    """Who carries gradients between workers; auto: what the launcher suggests."""
    seed: int = 42
    """Seed of weights, order, sampled paths."""
    threads: int | None = None
    """CPU threads; default: this worker's share of the cores."""
    workers: Annotated[int | None, short("j")] = None
    """Processes that decode images; default: this worker's share of the cores."""
    checkpoint_seconds: float = 20.0
    """A killed search loses at most so much work."""

    def __post_init__(self) -> None:
        above(0, budget=min(self.budget, default=1.0), base_lr=self.base_lr, epochs=self.epochs)
        at_least(1, held_out=self.held_out, batch_size=self.batch_size)
        between(0, 1, tolerance=self.tolerance, path_drop=self.path_drop)
        between(0, 1, label_smoothing=self.label_smoothing, momentum=self.momentum)


class LearningConfig(SearchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search by logits that learn."""

    warmup_epochs: float = 1.5
    """Epochs in which only weights learn, on uniformly sampled paths."""
    arch_every: int = 2
    """Weight steps per architecture step, after the warm-up."""
    cost_weight: float = 0.1
    """w, the weight of the cost; with --meet-budget only where it starts."""
    meet_budget: bool = True
    """Steer w until the expected cost is the budget, and derive a network that meets it. Without:
    w stays, as in the paper, and the most probable network is derived whatever it costs."""

    def __post_init__(self) -> None:
        SearchConfig.__post_init__(self)
        at_least(1, arch_every=self.arch_every)
        above(0, cost_weight=self.cost_weight)
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"--warmup-epochs {self.warmup_epochs:g} leaves nothing of --epochs "
                f"{self.epochs:g} for the architecture"
            )


class ProxylessConfig(LearningConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ProxylessNAS-G: learn path probabilities by the slopes at binary gates."""

    paths: Literal["two", "all"] = "two"
    """Paths per edge whose slopes are asked for; with two the rest keeps its probability."""
    keep: Keep = "outputs"
    """What is kept for the slopes of closed paths: their outputs, or the edge's input, from which
    they are computed again: less memory for --paths all."""
    arch_lr: float = 0.05
    """Adam's learning rate of the logits."""
    cost_loss: CostLoss = "add"
    """How cost joins the loss: CE + w (E - T) / T, or CE (ln E / ln T)^w."""

    def __post_init__(self) -> None:
        LearningConfig.__post_init__(self)
        above(0, arch_lr=self.arch_lr)


class ReinforceConfig(LearningConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ProxylessNAS-R: learn path probabilities by the rewards of sampled networks."""

    networks: int = 10
    """Sampled networks per architecture step."""
    arch_lr: float = 0.05
    """Adam's learning rate of the logits."""
    baseline_decay: float = 0.9
    """Share of the mean of past rewards that is kept per architecture step: the baseline where
    --networks is 1; else it is the mean of the step's other networks."""

    def __post_init__(self) -> None:
        LearningConfig.__post_init__(self)
        above(0, arch_lr=self.arch_lr)
        at_least(1, networks=self.networks)
        between(0, 1, baseline_decay=self.baseline_decay)


class JudgingConfig(SearchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train all weights alike, then judge networks by them."""

    judged_on: int = 1000
    """Held-out images on which every network is judged."""

    def __post_init__(self) -> None:
        SearchConfig.__post_init__(self)
        at_least(1, judged_on=self.judged_on)
        if self.judged_on > self.held_out:
            raise ValueError(
                f"--judged-on {self.judged_on} is more than the --held-out {self.held_out} images"
            )


class EvolutionConfig(JudgingConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Evolution on the weights of a uniformly trained supernet."""

    generations: int = 20
    """Rounds of judging."""
    networks: int = 50
    """Networks per generation."""
    parents: float = 0.25
    """The most accurate of all, as a share of a generation, that have children."""
    mutation: float = 0.1
    """Probability with which a mutant draws a knob anew."""

    def __post_init__(self) -> None:
        JudgingConfig.__post_init__(self)
        at_least(1, generations=self.generations)
        at_least(2, networks=self.networks)
        above(0, mutation=self.mutation, parents=self.parents)
        between(0, 1, mutation=self.mutation, parents=self.parents)


class RandomConfig(JudgingConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The best of some random networks on the weights of a uniformly trained supernet."""

    networks: int = 50
    """Networks that are judged."""

    def __post_init__(self) -> None:
        JudgingConfig.__post_init__(self)
        at_least(1, networks=self.networks)


AnySearchConfig = ProxylessConfig | ReinforceConfig | EvolutionConfig | RandomConfig


def above(least: float, **given: float) -> None:
    """ValueError that names the flag whose number is not above `least`, or no number."""
    for name, value in given.items():
        if not value > least:
            raise ValueError(f"--{name.replace('_', '-')} must be above {least:g}, not {value:g}")


def at_least(least: float, **given: float) -> None:
    """ValueError that names the flag whose number is below `least`."""
    for name, value in given.items():
        if not value >= least:
            raise ValueError(
                f"--{name.replace('_', '-')} must be at least {least:g}, not {value:g}"
            )


def between(least: float, most: float, **given: float) -> None:
    """ValueError that names the flag whose number is outside [least, most]."""
    for name, value in given.items():
        if not least <= value <= most:
            raise ValueError(
                f"--{name.replace('_', '-')} must lie between {least:g} and {most:g}, not {value:g}"
            )
