"""Begin ResNet-56 where a trained ResNet-20 stands: the same function, more blocks.

A block whose last batch norm has weight and bias 0 passes its input on, so that nine blocks per
stage compute what three do (He et al. 2019, "Bag of Tricks", section 3.1, begin so); training goes
on from there instead of from nothing.

    python -m benchmarks.grown_resnet56 --weights RESNET20.pt --out RESNET56.pt
    python main.py --arch resnet56_cifar --weights RESNET56.pt ...
"""

import torch
from msgspec import Struct
from torch import Tensor, nn

from proxyless_nas.command import Command, run_one
from proxyless_nas.subject import open_subject
from proxyless_nas.weights import load_weights, save_tensors

SMALL, LARGE = 3, 9
"""Blocks per stage."""
CLOSE = 1e-4


class GrowConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write weights of ResNet-56 that compute what a trained ResNet-20 computes."""

    weights: str
    """Weights of a resnet20_cifar."""
    out: str
    """The file to write."""
    seed: int = 0
    """Seed of the convolutions in new blocks."""


def main(config: GrowConfig) -> None:
    """Write the file; RuntimeError where the networks would not compute the same."""
    small = open_subject("resnet20_cifar").build().eval()
    large = open_subject("resnet56_cifar").build(config.seed).eval()
    load_weights(small, config.weights)
    large.load_state_dict(grown(small.state_dict(), large.state_dict()))
    gap = _gap(small, large)
    if gap > CLOSE:
        raise RuntimeError(f"logits of the two networks differ by {gap:.2g}; nothing was written")
    save_tensors(config.out, large.state_dict())
    print(f"{config.out}: computes what {config.weights} does; logits differ by {gap:.2g} at most")


def grown(small: dict[str, Tensor], large: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of `large` with those of `small` where both have the block; others add nothing."""
    found = dict[str, Tensor]()
    for key, fresh in large.items():
        place, _, rest = key.removeprefix("blocks.").partition(".")
        if not key.startswith("blocks."):
            found[key] = small[key]
            continue
        stage, index = divmod(int(place), LARGE)
        if index < SMALL:
            found[key] = small[f"blocks.{stage * SMALL + index}.{rest}"]
        else:
            last = rest in ("second.bn.weight", "second.bn.bias")
            found[key] = torch.zeros_like(fresh) if last else fresh
    return found


@torch.no_grad()
def _gap(one: nn.Module, other: nn.Module) -> float:
    images = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return (one(images) - other(images)).abs().max().item()


if __name__ == "__main__":
    run_one("python -m benchmarks.grown_resnet56", Command(GrowConfig, main))
