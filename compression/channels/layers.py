"""What the layers of torch do with channels: make, take, carry, or mix them beyond telling."""

from typing import Any

import numpy as np
from torch import nn

from compression.channels.book import Book, Seen, Step

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
PER_CHANNEL = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
SILENT = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
"""What changes nothing once a network has learned."""
PER_NUMBER = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign),
    *(nn.LogSigmoid, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.Threshold, nn.RReLU),
    *SILENT,
)
PER_MAP = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    *(nn.LPPool1d, nn.LPPool2d, nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ReflectionPad1d, nn.ReflectionPad2d),
    *(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
    *(nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
)
OVER_AXES = (nn.Softmax, nn.LogSoftmax, nn.LocalResponseNorm)


def through_layer(module: nn.Module, step: Step, book: Book) -> Any:
    """What the output of a module carries; what it makes and takes is noted in the book.

    A kind of layer that is not known here keeps all channels that reach it, and says so.
    """
    x = step.tensors[0] if len(step.tensors) == 1 else None
    if x is None or not x.shape:
        return _unknown(module, step, book)
    if isinstance(module, CONVOLUTIONS):
        return _convolution(module, x, step, book)
    if isinstance(module, TRANSPOSED) and module.groups == 1:
        return _maker(step, book, x, axis=1, made=1, taken=0)
    if isinstance(module, nn.Linear):
        return _maker(step, book, x, axis=-1, made=0, taken=1)
    if isinstance(module, nn.Embedding):
        return _embedding(module, step, book)
    if isinstance(module, PER_CHANNEL) or _per_channel(module):
        return _carrier(step, book, x)
    if isinstance(module, (*PER_NUMBER, nn.PReLU)):
        return step.gives(x.carried)
    if isinstance(module, PER_MAP):
        return step.gives_along(1, x.carried.seen_along(1, book.atoms))
    if isinstance(module, nn.Flatten | nn.Unflatten | nn.ChannelShuffle | nn.PixelShuffle):
        return _moved(module, x, step, book)
    if isinstance(module, (nn.LayerNorm, nn.GroupNorm, *OVER_AXES)):
        return _mixed(module, x, step, book)
    return _unknown(module, step, book)


def _convolution(module: Any, x: Seen, step: Step, book: Book) -> Seen:
    groups, taken = module.groups, x.carried.seen_along(1, book.atoms)
    if groups == 1:
        return _maker(step, book, x, axis=1, made=0, taken=1)
    if groups == module.in_channels:  # depthwise: what it makes of a channel leaves with it
        ids = np.repeat(taken, module.out_channels // groups)
        book.use(f"{step.name}.weight", 0, ids, "carries")
        book.use(f"{step.name}.bias", 0, ids, "carries")
        return step.gives_along(1, ids)
    # all groups stay equally wide: the n-th channels of all of them leave together
    rows = taken.reshape(groups, -1)
    book.atoms.join(rows[:-1], rows[1:])
    book.use(f"{step.name}.weight", 1, rows[0], "takes")
    made = book.atoms.make(module.out_channels)
    rows = made.reshape(groups, -1)
    book.atoms.join(rows[:-1], rows[1:])
    book.use(f"{step.name}.weight", 0, made, "makes")
    book.use(f"{step.name}.bias", 0, made, "makes")
    return step.gives_along(1, made)


def _maker(step: Step, book: Book, x: Seen, axis: int, made: int, taken: int) -> Seen:
    """A layer that makes the channels along `axis` from all it takes there.

    `made` and `taken` are the axes of its weight.
    """
    book.use(f"{step.name}.weight", taken, x.carried.seen_along(axis, book.atoms), "takes")
    ids = book.atoms.make(step.value.shape[axis])
    book.use(f"{step.name}.weight", made, ids, "makes")
    book.use(f"{step.name}.bias", 0, ids, "makes")
    return step.gives_along(axis, ids)


def _embedding(module: nn.Embedding, step: Step, book: Book) -> Seen:
    ids = book.atoms.make(module.embedding_dim)
    book.use(f"{step.name}.weight", 1, ids, "makes")
    return step.gives_along(-1, ids)


def _per_channel(module: nn.Module) -> bool:
    """Whether a layer has one number per channel and looks at no two channels together."""
    if isinstance(module, nn.PReLU):
        return module.num_parameters > 1
    return isinstance(module, nn.GroupNorm) and module.num_groups == module.num_channels


def _carrier(step: Step, book: Book, x: Seen) -> Seen:
    ids = x.carried.seen_along(1, book.atoms)
    for name in ("weight", "bias", "running_mean", "running_var"):
        book.use(f"{step.name}.{name}", 0, ids, "carries")
    return step.gives_along(1, ids)


def _mixed(module: Any, x: Seen, step: Step, book: Book) -> Seen:
    """Layers whose output at one channel depends on which others there are."""
    if isinstance(module, nn.LayerNorm):
        axes = range(-len(module.normalized_shape), 0)
    elif isinstance(module, nn.Softmax | nn.LogSoftmax):
        axes = range(module.dim or 1, (module.dim or 1) + 1)
    else:
        axes = range(1, 2)
    if any(x.carried.varies_along(axis) for axis in axes):
        kind = type(module).__name__
        book.keep_all(x, f"{kind} {step.name} weighs channels against each other")
    return step.gives(x.carried)


def _moved(module: Any, x: Seen, step: Step, book: Book) -> Any:
    """Layers that only put numbers elsewhere, by sizes that stay when channels leave."""
    if isinstance(module, nn.ChannelShuffle):
        rows = x.carried.seen_along(1, book.atoms).reshape(module.groups, -1)
        book.atoms.join(rows[:-1], rows[1:])
    if isinstance(module, nn.Unflatten) and x.carried.varies_along(int(module.dim)):
        book.keep_all(x, f"{step.name} unflattens channels by sizes in the code")
    if isinstance(module, nn.PixelShuffle):
        block = module.upscale_factor**2
        rows = x.carried.seen_along(1, book.atoms).reshape(-1, block)
        book.atoms.join(rows[:, :-1], rows[:, 1:])
        return step.gives_along(1, rows[:, 0])
    return step.moves(module)


def _unknown(module: nn.Module, step: Step, book: Book) -> Any:
    reason = f"what {type(module).__name__} {step.name} does with channels is not known here"
    book.keep_all((step.args, step.kwargs), reason)
    return book.kept(step.value, reason)
