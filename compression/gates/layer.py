"""A convolution and its batch norm with a gate: by image some channels are boosted, others zero."""

from typing import Any

import torch
from torch import Tensor, nn

from compression.gates.saliency import Pool, Saliency
from compression.widths import kept_of


class GatedConvolution(nn.Module):
    """[B, in, H, W] -> [B, out, H', W']: active * g * norm(conv(x)) + active * bias.

    g is the saliency of each channel [B, out], told from x; for each image the `kept` channels with
    the largest are active, of equal ones the first. g stands where a batch norm has its scales, and
    `bias` is that norm's shift: feature boosting and suppression (Gao et al. 2019), with the shift
    outside of g, as Mayo's `parametric` gates have it. What is not active is 0 behind a ReLU too.

    With `skips`, in eval mode, a single image is computed by active channels alone, from those
    input channels that are not all zero.
    """

    kept: Tensor

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d, behind: str, pool: Pool) -> None:
        """`conv` is taken over; so are statistics and shifts of `norm`, called `behind`.

        A channel with a negative scale is turned round, filter and mean, because g is never below
        0. ValueError for a convolution of groups, and for a norm that keeps no statistics.
        """
        super().__init__()
        if conv.groups != 1:
            raise ValueError("is a convolution of groups")
        if norm.running_mean is None:
            raise ValueError("has a norm behind it that keeps no statistics")
        device = conv.weight.device
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels, norm.eps, norm.momentum, affine=False)
        self.norm.load_state_dict(
            {own: one for own, one in norm.state_dict().items() if own not in ("weight", "bias")}
        )
        self.norm.to(device)
        shift = torch.zeros(self.width, device=device) if norm.bias is None else norm.bias
        self.bias = nn.Parameter(shift.detach().clone())
        self.saliency = Saliency(conv.in_channels, conv.out_channels, pool).to(device)
        self.register_buffer("kept", torch.tensor(self.width, device=device))
        self.behind, self.skips = behind, False
        self.train(norm.training)
        self._turn(scale_of(norm).to(device) < 0)

    @torch.no_grad()
    def _turn(self, negative: Tensor) -> None:
        sign = 1 - 2 * negative.float()
        self.conv.weight *= sign[:, None, None, None]
        for one in (self.conv.bias, self.norm.running_mean):
            if one is not None:
                one *= sign

    @property
    def width(self) -> int:
        """Channels of the output."""
        return self.conv.out_channels

    def keep(self, density: float) -> None:
        """Let ceil(density * width) channels be active from now on."""
        self.kept.fill_(kept_of(self.width, 1 - density, rounding="up"))

    def active(self, saliency: Tensor) -> Tensor:
        """[B, out] -> bool [B, out]: the `kept` largest of each image."""
        saliency = saliency.detach()
        ranked = saliency.topk(self.width).values
        least = ranked.index_select(1, self.kept.reshape(1) - 1)
        above, equal = saliency > least, saliency == least
        missing = self.kept - above.sum(1, keepdim=True)
        return above | (equal & (equal.cumsum(1) <= missing))

    def forward(self, x: Tensor) -> Tensor:
        saliency = self.saliency(x)
        active = self.active(saliency)
        if self.skips and self._is_one(x) and active.any():  # none is active where x is NaN
            return self._of_active(x, saliency[0], active[0])
        made = self.norm(self.conv(x))
        scale, shift = saliency * active, self.bias * active
        return made * scale[:, :, None, None] + shift[:, :, None, None]

    def _is_one(self, x: Tensor) -> bool:
        """Whether a single image, with its numbers, is to be answered."""
        return not self.training and len(x) == 1 and not x.is_meta

    def _of_active(self, x: Tensor, saliency: Tensor, active: Tensor) -> Tensor:
        """The same for one image: conv(x[in]) by weight[active][:, in], and zeros elsewhere.

        `in` are the channels of x that are not all zero.
        """
        conv: Any = self.conv
        taken = not_zero(x)[0]
        taken[0] |= ~taken.any()  # a convolution takes one channel at least
        out, weight = active.nonzero()[:, 0], conv.weight
        if len(out) < self.width:
            weight = weight.index_select(0, out)
        if not taken.all():
            inside = taken.nonzero()[:, 0]
            x, weight = x.index_select(1, inside), weight.index_select(1, inside)
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None and variance is not None
        scale = saliency[out] * (variance[out] + self.norm.eps).rsqrt()
        before = -mean[out] if conv.bias is None else conv.bias[out] - mean[out]
        shift = self.bias[out] + before * scale
        made = conv._conv_forward(x, weight, None)
        made = torch.addcmul(shift[:, None, None], made, scale[:, None, None])
        if len(out) == self.width:
            return made
        return made.new_zeros(1, self.width, *made.shape[2:]).index_copy_(1, out, made)


def not_zero(x: Tensor) -> Tensor:
    """[B, C, H, W] -> bool [B, C]: whether a channel has any number but 0."""
    return (x != 0).flatten(2).any(2)


def scale_of(norm: nn.BatchNorm2d) -> Tensor:
    """[C]: the scales of a norm, or ones where it has none."""
    return torch.ones(norm.num_features) if norm.weight is None else norm.weight.detach()
