"""Published networks as functions that return a torch module: `proxyless_cpu(pretrained=True)`."""

from typing import Protocol

from proxyless_nas.network import Network, NetworkSpec, adopt
from proxyless_nas.pretrained import PRETRAINED, Weights, load_pretrained
from proxyless_nas.published import PUBLISHED

ARGUMENTS = """

pretrained: load the authors' weights; they are downloaded into `$TORCH_HOME/proxyless_nas`, or
    `~/.torch/proxyless_nas`, where a file put there by hand is accepted too.
num_classes: where it differs from the published number, the classifier is freshly initialised, also
    when `pretrained`; everything else is loaded.
dropout: probability in front of the classifier, for training. The authors trained gpu and mobile_14
    with 0.3, cpu with 0.2, mobile with 0.1. Default: 0.
progress: show a bar while downloading.

Returns a Network, [B, 3, H, W] -> [B, num_classes], in training mode. Raises OSError when the
weights cannot be downloaded and ValueError when the file is not this network's.
"""


class Maker(Protocol):
    """A function that makes a published network."""

    __name__: str

    def __call__(
        self,
        pretrained: bool = False,
        num_classes: int | None = None,
        dropout: float | None = None,
        progress: bool = True,
    ) -> Network: ...


def make(
    spec: NetworkSpec,
    weights: Weights | None,
    num_classes: int | None = None,
    dropout: float | None = None,
    progress: bool = True,
) -> Network:
    """Build `spec` with another number of classes or dropout, and with published weights, if any.

    A classifier of another size than the weights' stays freshly initialised. Errors as in
    `load_pretrained`.
    """
    network = spec.with_classifier(num_classes, dropout).build()
    if weights is None:
        return network
    if network.spec.classifier.classes == spec.classifier.classes:
        load_pretrained(network, weights, progress)
        return network
    donor = spec.build()
    load_pretrained(donor, weights, progress)
    adopt(network, donor)
    return network


def _maker(name: str) -> Maker:
    spec = PUBLISHED[name]

    def maker(
        pretrained: bool = False,
        num_classes: int | None = None,
        dropout: float | None = None,
        progress: bool = True,
    ) -> Network:
        weights = PRETRAINED[name] if pretrained else None
        return make(spec(), weights, num_classes, dropout, progress)

    maker.__name__ = maker.__qualname__ = name
    maker.__doc__ = (spec.__doc__ or "") + ARGUMENTS
    return maker


ZOO: dict[str, Maker] = {name: _maker(name) for name in PRETRAINED}
