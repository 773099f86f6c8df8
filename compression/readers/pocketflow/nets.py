"""How long, and at which rate, PocketFlow trains each of its networks."""

from msgspec import Struct

from compression.readers.pocketflow.parsing import NET, Command
from proxyless_nas.language.values import refuse
from training.plan import RATE_IS_FOR
from training.rates import AnyRule, Exponential, Milestones

DETECTORS = ("vgg_at_pascalvoc", "faster_rcnn_at_pascalvoc", "mobilenetssd_at_pascalvoc")
DECAY = 0.98
"""Of the rate of MobileNet-v2, every epoch."""


class Net(Struct, frozen=True, kw_only=True):
    """What PocketFlow's script of a network says of its training."""

    epochs: int
    at: tuple[int, ...]
    """Epochs at which the rate falls to a tenth; none where it falls by `DECAY` every epoch."""
    rate: float
    rate_is_for: int
    """Images per step."""
    decay: float
    batch: int
    images: int
    flags: str
    """Of main.py, for its data."""
    tuned: dict[str, tuple[tuple[int, ...], float]]
    """By learner that rounds weights: such epochs, and the part of the rate that it begins with."""


CIFAR = "--dataset cifar10 --shift 4"
IMAGENET = "--dataset imagenet"
RESNET_TUNED = {"uniform": ((15, 40), 1e-3), "non-uniform": ((40, 80), 1e-4)}
NETS: dict[str, Net] = {
    "lenet_at_cifar10": Net(
        epochs=250, at=(100, 150, 200), rate=1e-2, rate_is_for=128, decay=5e-4, batch=128,
        images=50_000, flags=CIFAR, tuned=RESNET_TUNED,
    ),
    "resnet_at_cifar10": Net(
        epochs=250, at=(100, 150, 200), rate=1e-1, rate_is_for=128, decay=2e-4, batch=128,
        images=50_000, flags=f"{CIFAR} --no-wd-bn", tuned=RESNET_TUNED,
    ),
    "resnet_at_ilsvrc12": Net(
        epochs=100, at=(30, 60, 80, 90), rate=1e-1, rate_is_for=256, decay=1e-4, batch=64,
        images=1_281_167, flags=f"{IMAGENET} --no-wd-bn",
        tuned={"uniform": ((5, 20), 1e-4), "non-uniform": ((5, 20), 5e-4)},
    ),
    "mobilenet_at_ilsvrc12": Net(
        epochs=100, at=(30, 60, 80, 90), rate=0.045, rate_is_for=96, decay=4e-5, batch=64,
        images=1_281_167, flags=IMAGENET,
        tuned={"uniform": ((5, 30), 1e-4), "non-uniform": ((5, 30), 1e-4)},
    ),
}  # fmt: skip
USUAL = "resnet_at_cifar10"


class Length(Struct, frozen=True, kw_only=True):
    """A training of PocketFlow's, in our terms."""

    net: Net
    name: str
    assumed: bool
    """Whether the numbers are those of another network, because its own are not known here."""
    epochs: int
    rate: float
    """The first, of PocketFlow's optimizer."""
    per_epoch: float
    """Steps of PocketFlow's."""
    rates: tuple[AnyRule, ...]
    words: str
    """Flags of main.py that make it so."""


def length_of(command: Command) -> Length:
    """The training that a command asks for. ValueError with FILE:LINE for a detector."""
    given, name = command.training, USUAL
    if command.net is not None:
        found = NET.fullmatch(command.net.text)
        assert found is not None
        name = found.group(1)
        if name in DETECTORS:
            refuse(command.net.place, (), f"{name} finds boxes; networks here tell classes apart")
    net = NETS.get(name, NETS[USUAL])
    ratio, rate = given.nb_epochs_rat, given.lrn_rate_init or net.rate
    epochs: float = net.epochs
    rules: tuple[AnyRule, ...] = (_milestones(net.at, ratio),)
    if name.startswith("mobilenet") and given.mobilenet_version == 2:
        epochs, rules = 412, (Exponential(gamma=round(DECAY ** (1 / ratio), 9)),)
    count = max(1, round(epochs * ratio))
    if given.learner in net.tuned:
        own = command.own
        count = getattr(own, "uql_quant_epochs", None) or getattr(own, "nuql_quant_epochs", count)
        at, part = net.tuned[given.learner]
        rules, rate = (_milestones(at, 1.0),), rate * part
    rate *= getattr(command.own, "uqtf_lrn_rate_dcy", 1.0)
    per_step = (given.batch_size or net.batch) * given.nb_gpus
    decay = net.decay if given.loss_w_dcy is None else given.loss_w_dcy
    peak = rate * RATE_IS_FOR / (given.batch_size_norm or net.rate_is_for)
    base = "" if given.learner in net.tuned else f"--base-lr {peak:.6g} "
    words = (
        f"--epochs {count} {base}--batch-size {given.batch_size or net.batch} "
        f"--momentum {given.momentum:g} --wd {decay:g} {net.flags}"
    )
    return Length(
        net=net,
        name=name,
        assumed=name not in NETS or command.net is None,
        epochs=count,
        rate=rate,
        per_epoch=(given.nb_smpls_train or net.images) / per_step,
        rates=rules,
        words=words,
    )


def _milestones(at: tuple[int, ...], ratio: float) -> Milestones:
    return Milestones(at=tuple(round(epoch * ratio) for epoch in at))
