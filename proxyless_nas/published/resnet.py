"""The CIFAR ResNets of He et al. 2016, with projected shortcuts where the shape changes."""

from proxyless_nas.blocks import BatchNorm, Classifier, Conv, Residual
from proxyless_nas.layer import Shape
from proxyless_nas.network import NetworkSpec


def resnet20_cifar() -> NetworkSpec:
    """Three blocks per stage."""
    return _resnet("resnet20_cifar", 3)


def resnet56_cifar() -> NetworkSpec:
    """Nine blocks per stage."""
    return _resnet("resnet56_cifar", 9)


def _resnet(name: str, per_stage: int) -> NetworkSpec:
    blocks = [
        Residual(
            width,
            width,
            stride=2 if stage > 0 and index == 0 else 1,
            projected=stage > 0 and index == 0,
        )
        for stage, width in enumerate((16, 32, 64))
        for index in range(per_stage)
    ]
    return NetworkSpec(
        name,
        Shape(3, 32, 32),
        Conv(16, 3, activation="relu"),
        tuple(blocks),
        None,
        Classifier(10),
        BatchNorm(momentum=0.1, eps=1e-5),
    )
