"""The networks that ProxylessNAS found for a CPU, a GPU and a phone (Cai et al. 2019).

The operations are written stage by stage as in figure 4 of the paper: `k5e3` is an inverted
bottleneck with kernel 5 and expansion 3, `.` an edge on which nothing was kept.
"""

from collections.abc import Iterator

from proxyless_nas.blocks import AnyBlock, Classifier, Conv, MBConv, Skip
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec

STRIDES = (2, 2, 2, 1, 2, 1)
CPU = "k3e6 k3e3 k3e3 k3e3 | k3e6 k3e3 k3e3 k5e3 | k3e6 . . k3e3 | k5e6 k3e3 k3e3 k3e3 | "
CPU += "k5e6 k5e3 k5e3 k3e3 | k5e6"
GPU = "k5e3 . . . | k7e3 . . k3e3 | k7e6 . . k5e3 | k5e6 . k3e3 k5e3 | k7e6 k7e6 k7e6 k5e6 | k7e6"
MOBILE = "k5e3 k3e3 . . | k7e3 k3e3 k5e3 k5e3 | k7e6 k5e3 k5e3 k5e3 | k5e6 k5e3 k5e3 k5e3 | "
MOBILE += "k7e6 k7e6 k7e3 k7e3 | k7e6"


def proxyless_cpu() -> NetworkSpec:
    """Found for a Xeon E5-2640 v4 at batch 1; 75.3 % top-1 on ImageNet in the paper."""
    return _network("proxyless_cpu", 40, 24, (32, 48, 88, 104, 216, 360), 1432, CPU)


def proxyless_gpu() -> NetworkSpec:
    """Found for a V100 at batch 8; 75.1 % top-1 on ImageNet in the paper."""
    return _network("proxyless_gpu", 40, 24, (32, 56, 112, 128, 256, 432), 1728, GPU)


def proxyless_mobile() -> NetworkSpec:
    """Found for a Pixel 1 at batch 1; 74.6 % top-1 on ImageNet in the paper."""
    return _network("proxyless_mobile", 32, 16, (32, 40, 80, 96, 192, 320), 1280, MOBILE)


def proxyless_mobile_14() -> NetworkSpec:
    """The phone's operations at 1.4 times the width; 76.7 % top-1 on ImageNet in the paper."""
    return _network("proxyless_mobile_14", 48, 24, (40, 56, 112, 136, 256, 448), 1792, MOBILE)


def _network(
    name: str, stem: int, first: int, widths: tuple[int, ...], mix: int, operations: str
) -> NetworkSpec:
    return NetworkSpec(
        name,
        Shape(3, 224, 224),
        Conv(stem, 3, 2),
        (MBConv(first, None, 3), *_blocks(first, widths, operations)),
        Conv(mix),
        Classifier(1000),
    )


def _blocks(channels: int, widths: tuple[int, ...], operations: str) -> Iterator[AnyBlock]:
    """Only blocks that keep stride and width have a residual or can be empty."""
    stages = zip(widths, STRIDES, operations.split("|"), strict=True)
    for width, stride, stage in stages:
        for index, operation in enumerate(stage.split()):
            if operation == ".":
                yield Skip()
                continue
            kernel, expansion = int(operation[1]), int(operation[3])
            first = index == 0
            yield MBConv(width, channels * expansion, kernel, stride if first else 1, not first)
            channels = width
