"""Small networks with everything that the original's format has words for."""

from proxyless_nas import Classifier, Conv, MBConv, NetworkSpec, Shape, Skip, hand_made
from proxyless_nas.blocks import AnyBlock
from proxyless_nas.published import PUBLISHED, published_spec


def small(*blocks: AnyBlock, mix: Conv | None = None, side: int = 16) -> NetworkSpec:
    """A stem of 8 channels, the blocks, 7 classes."""
    image = Shape(3, side, side)
    return NetworkSpec("small", image, Conv(8, 3, 2), blocks, mix, Classifier(7, 0.25))


RICH = small(
    MBConv(16, None, 5),
    MBConv(16, 20, 3, 1, True, "relu"),
    MBConv(24, 8, 3, 2),
    MBConv(24, 24, 5, 1, True),
    Skip(),
    MBConv(24, 120, 3, 1, True, "hswish", 32),
    MBConv(32, None, 7, squeeze=8),
    Conv(20, 1, activation="none"),
    side=40,
)
EXPRESSIBLE = {
    "rich": RICH,
    "mixed": small(MBConv(16, 48, 3, 2), Skip(), mix=Conv(24, activation="relu"), side=224),
    "hand-made": hand_made("fashion", 0.35),
    **{
        name: published_spec(name)
        for name in PUBLISHED
        if name in ("proxyless_cpu", "proxyless_gpu", "proxyless_mobile", "proxyless_mobile_14")
    },
    "mobilenet_v2": published_spec("mobilenet_v2"),
}
