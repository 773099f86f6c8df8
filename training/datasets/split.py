"""Take some images and give every class its equal share."""

import torch
from torch import Tensor


def balanced(labels: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Sorted indices of `count` images, dealt out in rounds of one image per class.

    Without a generator each class gives its first images, with one it gives random ones. Classes
    differ by at most one image, except that a class which has run out gives no more.
    """
    if not 0 <= count <= len(labels):
        raise ValueError(f"cannot take {count} of {len(labels)} images")
    if generator is None:
        order = torch.arange(len(labels))
    else:
        order = torch.randperm(len(labels), generator=generator)
    by_class = order[labels[order].argsort(stable=True)]
    sorted_labels = labels[by_class]
    first_of_class = torch.searchsorted(sorted_labels, sorted_labels)
    rounds = torch.arange(len(labels)) - first_of_class
    return by_class[rounds.argsort(stable=True)[:count]].sort().values


def others(chosen: Tensor, count: int) -> Tensor:
    """Sorted indices below `count` that were not chosen."""
    left = torch.ones(count, dtype=torch.bool)
    left[chosen] = False
    return left.nonzero().flatten()
