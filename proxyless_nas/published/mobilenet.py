"""MobileNetV1 and V2 at any width: what searched networks are compared with."""

from proxyless_nas.blocks import BatchNorm, Classifier, Conv, MBConv, Separable
from proxyless_nas.channels import round_channels
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec

NORM = BatchNorm(momentum=0.1, eps=1e-5)
IMAGENET = Shape(3, 224, 224)
V1_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5)
V1_BLOCKS += ((1024, 2), (1024, 1))  # (channels, stride)
V2_STAGES = ((6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2))
V2_STAGES += ((6, 320, 1, 1),)  # (expansion, channels, blocks, stride)


def mobilenet_v1(width: float = 1.0) -> NetworkSpec:
    """Depthwise-separable convolutions (Howard et al. 2017), channels times `width`."""
    return NetworkSpec(
        _name("mobilenet_v1", width),
        IMAGENET,
        Conv(int(32 * width), 3, 2, "relu"),
        tuple(Separable(int(out * width), 3, stride) for out, stride in V1_BLOCKS),
        None,
        Classifier(1000),
        NORM,
    )


def mobilenet_v2(width: float = 1.0) -> NetworkSpec:
    """Inverted bottlenecks (Sandler et al. 2018); channels times `width`, multiples of 8."""
    channels = round_channels(16 * width)
    blocks = [MBConv(channels, None, 3, residual=round_channels(32 * width) == channels)]
    for expansion, out, count, stride in V2_STAGES:
        out = round_channels(out * width)
        for index in range(count):
            step = stride if index == 0 else 1
            same = step == 1 and channels == out
            blocks.append(MBConv(out, channels * expansion, 3, step, same))
            channels = out
    return NetworkSpec(
        _name("mobilenet_v2", width),
        IMAGENET,
        Conv(round_channels(32 * width), 3, 2),
        tuple(blocks),
        Conv(round_channels(1280 * max(1.0, width))),
        Classifier(1000, dropout=0.2),
        NORM,
    )


def _name(family: str, width: float) -> str:
    if not 0.05 <= width <= 10:
        raise ValueError(f"{family}: width {width:g} is not between 0.05 and 10")
    return family if width == 1 else f"{family}-w{width:g}"
