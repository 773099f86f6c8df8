"""One door to networks: by name, by file, from torchvision; and to where their weights lie."""

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from torch import nn

from proxyless_nas.described.network import Described, describe, file_of, is_described
from proxyless_nas.files import write_bytes
from proxyless_nas.language.config import Config
from proxyless_nas.layer import Shape
from proxyless_nas.load import TORCHVISION, load_published_weights, load_spec, torchvision_name
from proxyless_nas.network import NetworkSpec, adopt
from proxyless_nas.own import is_own, make_own, own_shape
from proxyless_nas.seeds import seeded
from proxyless_nas.weights import load_weights

TORCHVISION_CLASSES = 1000


class Subject(Struct, frozen=True):
    """What is told of a network before it is built; torchvision's and the user's own code have no
    description, a YAML file has one that is not a spec."""

    source: str
    """The name or file it was asked for by."""
    input: Shape
    classes: int
    dropout: float | None
    spec: NetworkSpec | None
    described: Described | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        if self.described is not None:
            return self.described.name
        return self.source.removeprefix(TORCHVISION) if self.spec is None else self.spec.name

    def build(self, seed: int | None = None) -> nn.Module:
        """The module with fresh weights; ValueError where it takes no dropout."""
        if self.spec is not None:
            return self.spec.build(seed)
        if self.described is not None:
            return self.described.build(seed)
        if is_own(self.source):
            with seeded(seed):
                return make_own(self.source)
        from proxyless_nas.torchvision_door import make_classifier

        with seeded(seed):
            return make_classifier(self.name, self.classes, self.dropout)

    def save(self, folder: Path) -> bool:
        """Write its description, where it has one, into `folder`; whether it has."""
        if self.spec is not None:
            self.spec.save(str(folder / "spec.json"))
        elif self.described is not None:
            write_bytes(folder / "network.yaml", self.described.text.encode())
        return self.spec is not None or self.described is not None


def open_subject(
    source: str,
    side: int | None = None,
    classes: int | None = None,
    dropout: float | None = None,
) -> Subject:
    """Names, files and errors of `load_network`; what is None stays as the network has it.

    ValueError for code without a side or a number of classes, or with a dropout: it has its own,
    as a network in YAML has.
    """
    if is_described(source):
        if dropout is not None:
            raise ValueError(f"{source} says itself what it drops: it takes no --dropout")
        found = describe(Config().with_file(file_of(source)), side, classes)
        return Subject(source, found.input, found.classes, None, None, found)
    if is_own(source):
        return _own_subject(source, side, classes, dropout)
    name = torchvision_name(source)
    if name is not None:
        from proxyless_nas.torchvision_door import classifier_shape

        shape = classifier_shape(name).at_side(side)
        return Subject(source, shape, classes or TORCHVISION_CLASSES, dropout, None)
    spec = load_spec(source)
    spec = replace(spec, input=spec.input.at_side(side)).with_classifier(classes, dropout)
    return Subject(source, spec.input, spec.classifier.classes, spec.classifier.dropout, spec)


def _own_subject(
    source: str, side: int | None, classes: int | None, dropout: float | None
) -> Subject:
    if dropout is not None:
        raise ValueError(f"{source} is code: it takes no --dropout")
    if classes is None:
        raise ValueError(f"{source} is code: say with --num-classes how many it tells apart")
    return Subject(source, own_shape(source, side), classes, None, None)


def load_network(source: str, seed: int | None = None) -> nn.Module:
    """The module with fresh weights, [B, *network_input(source)] -> [B, classes].

    A published name or a file gives a Network. Any other name is looked up among torchvision's
    classification networks, which have 1000 classes; `torchvision:` in front chooses them where
    both have the name. Errors as in `load_spec`; the hint knows torchvision's names too.
    `module:function` names code that makes a network of the user's own (`own.make_own`).
    """
    if is_own(source):
        with seeded(seed):
            return make_own(source)
    return open_subject(source).build(seed)


def network_input(source: str) -> Shape:
    """The images a network is made for, without the batch; names and errors of `load_network`."""
    return open_subject(source).input


def load_its_weights(network: nn.Module, source: str, weights: str | None = None) -> None:
    """Fill `network` with the weights in that file, else those beside its own file, else the
    published ones of its name. Errors as in `load_weights` and `load_published_weights`."""
    if weights is not None:
        load_weights(network, weights)
    elif is_own(source):
        raise ValueError(f"{source} is code: give a file of weights")
    elif Path(source).is_file():
        load_weights(network, Path(source).with_name("weights.pt"))
    elif is_described(source):
        raise ValueError(f"{source} comes without weights: train it, or give a file of weights")
    else:
        load_published_weights(network, source)


def start_from(network: nn.Module, source: str, weights: str | None = None) -> tuple[str, ...]:
    """As `load_its_weights`, for a network whose number of classes may differ from the weights'.

    Returns the names of the tensors that kept their fresh values: a classifier of another size.
    Weights of a network that has the new number of classes already are taken whole.
    """
    if is_own(source):
        load_its_weights(network, source, weights)
        return ()
    donor = open_subject(source).build()
    try:
        load_its_weights(donor, source, weights)
    except ValueError:
        load_its_weights(network, source, weights)
        return ()
    return adopt(network, donor)
