"""Everything a search can be told; one struct per preset."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from proxyless_nas.command import short
from search.costs import CostName
from search.evaluators.shared_weights import Precision
from search.gates import Keep
from search.objective import CostLoss
from training.datasets import DatasetName
from training.device import DeviceName
from training.workers import EngineName

Positive = Annotated[float, Meta(gt=0)]


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
    tolerance: Positive = 0.02
    """The result is predicted at most so much below its budget, never above it."""
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
    warmup_epochs: float = 1.5
    """Epochs in which only weights learn, on uniformly sampled paths."""
    batch_size: int = 128
    """Images per step and worker."""
    base_lr: Positive = 0.15
    """Peak learning rate of the weights for 64 images per step."""
    momentum: float = 0.9
    """Nesterov momentum of the weights."""
    wd: float = 1e-4
    """Weight decay of the weights."""
    label_smoothing: float = 0.0
    """Share of every label that is spread over all classes, for the weights only."""
    path_drop: float = 0.0
    """Probability with which a tree loses one of two paths while weights learn."""
    precision: Precision = "fp32"
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


class LearningConfig(SearchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search by logits that learn."""

    arch_every: int = 2
    """Weight steps per architecture step, after the warm-up."""
    cost_weight: Positive = 0.1
    """w, the weight of the cost; with --meet-budget only where it starts."""
    meet_budget: bool = True
    """Steer w until the expected cost is the budget, and derive a network that meets it. Without:
    w stays, as in the paper, and the most probable network is derived whatever it costs."""


class ProxylessConfig(LearningConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ProxylessNAS-G: learn path probabilities by the slopes at binary gates."""

    paths: Literal["two", "all"] = "two"
    """Paths per edge whose slopes are asked for; with two the rest keeps its probability."""
    keep: Keep = "outputs"
    """What is kept for the slopes of closed paths: their outputs, or the edge's input, from which
    they are computed again: less memory for --paths all."""
    arch_lr: Positive = 0.05
    """Adam's learning rate of the logits."""
    cost_loss: CostLoss = "add"
    """How cost joins the loss: CE + w (E - T) / T, or CE (ln E / ln T)^w."""


class ReinforceConfig(LearningConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ProxylessNAS-R: learn path probabilities by the rewards of sampled networks."""

    networks: int = 10
    """Sampled networks per architecture step."""
    arch_lr: Positive = 0.05
    """Adam's learning rate of the logits."""
    baseline_decay: float = 0.9
    """Share of the baseline that is kept per architecture step."""


class JudgingConfig(SearchConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Train all weights alike, then judge networks by them."""

    judged_on: int = 1000
    """Held-out images on which every network is judged."""


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


class RandomConfig(JudgingConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The best of some random networks on the weights of a uniformly trained supernet."""

    networks: int = 50
    """Networks that are judged."""


AnySearchConfig = ProxylessConfig | ReinforceConfig | EvolutionConfig | RandomConfig
