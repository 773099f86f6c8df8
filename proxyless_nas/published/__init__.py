"""Networks that carry a name: the searched ones of the paper and those they are compared with."""

import re
from collections.abc import Callable

from proxyless_nas.files import did_you_mean
from proxyless_nas.network import NetworkSpec
from proxyless_nas.published.cifar import proxyless_cifar
from proxyless_nas.published.mobilenet import mobilenet_v1, mobilenet_v2
from proxyless_nas.published.proxyless import (
    proxyless_cpu,
    proxyless_gpu,
    proxyless_mobile,
    proxyless_mobile_14,
)
from proxyless_nas.published.resnet import resnet20_cifar, resnet56_cifar

PUBLISHED: dict[str, Callable[[], NetworkSpec]] = {
    "proxyless_cpu": proxyless_cpu,
    "proxyless_gpu": proxyless_gpu,
    "proxyless_mobile": proxyless_mobile,
    "proxyless_mobile_14": proxyless_mobile_14,
    "proxyless_cifar": proxyless_cifar,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "resnet20_cifar": resnet20_cifar,
    "resnet56_cifar": resnet56_cifar,
}
WITH_WIDTH: dict[str, Callable[[float], NetworkSpec]] = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
}
WIDTH = re.compile(r"(?P<family>\w+)-w(?P<width>\d+(?:\.\d+)?)")


def is_published(name: str) -> bool:
    """Whether `published_spec` knows the name."""
    match = WIDTH.fullmatch(name)
    return name in PUBLISHED or (match is not None and match["family"] in WITH_WIDTH)


def published_spec(name: str) -> NetworkSpec:
    """The description of a published network.

    `-wX` behind a family that has widths multiplies its channels: `mobilenet_v2-w0.35`.
    ValueError for an unknown name; the message lists the known ones.
    """
    if name in PUBLISHED:
        return PUBLISHED[name]()
    match = WIDTH.fullmatch(name)
    if match is not None and match["family"] in WITH_WIDTH:
        return WITH_WIDTH[match["family"]](float(match["width"]))
    known = [*PUBLISHED, *(f"{family}-wX" for family in WITH_WIDTH)]
    raise ValueError(
        f"no network {name!r}{did_you_mean(name, known)}; published: {', '.join(known)}"
    )
