"""Importance by reconstruction: which channels best rebuild what the layers behind them answer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from compression.channels.groups import Channels, Group, Place
from compression.importance.base import Batches, Importance, Scores, must_see, takers_of
from compression.importance.shrinking import strengths
from compression.patches import by_group, patches_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.hooks import hooked

TINY = 1e-30


class Lasso(Importance, frozen=True, tag="lasso"):
    """The strength of an L1 penalty at which a channel is needed (He et al. 2017, equation 2).

    What a channel gives to the answers of a taker is X_c W_c; of all of a group the sum of factors
    beta_c X_c W_c that is nearest to the answers, in squares, plus the penalty on |beta|, has the
    fewer channels the stronger the penalty is. A channel is worth the strongest penalty at which
    its beta is not 0, so that those of the highest scores are those that the paper's selection
    keeps, for any number of them (its strength is doubled and bisected for one number; here all
    are tried). Of several takers the squares are added, each in units of its own answers. The
    layers see the whole network's channels, at `points` random places of each image.
    """

    points: int = 10

    def __post_init__(self) -> None:
        if self.points < 1:
            raise ValueError(f"{self.points} points of an image show nothing: 1 or more")

    @torch.no_grad()
    def scores(self, module: nn.Module, channels: Channels, batches: Batches = ()) -> Scores:
        must_see(batches, self)
        grams = _grams(module, channels, batches, self.points)
        found: Scores = {}
        for group in channels.groups:
            each = [one / one.sum().clamp(min=TINY) for one in grams[group.name]]
            found[group.name] = strengths(torch.stack(each).sum(dim=0) / len(each)).float()
        return found


def _grams(
    module: nn.Module, channels: Channels, batches: Batches, points: int
) -> dict[str, list[Tensor]]:
    """By group, for each taker [width, width]: products of what its channels give, summed up."""
    found = {
        group.name: [torch.zeros(group.width, group.width, dtype=torch.float64)
                     for _ in takers_of(group)]
        for group in channels.groups
    }  # fmt: skip
    taking: dict[str, list[tuple[Group, int, Place]]] = {}
    for group in channels.groups:
        for index, place in enumerate(takers_of(group)):
            taking.setdefault(place.layer, []).append((group, index, place))
    chance = torch.Generator().manual_seed(0)

    def called(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def add(part: nn.Module, inputs: tuple[Tensor, ...], answers: Tensor) -> None:
            x = inputs[0]
            squares = None
            if isinstance(part, nn.Conv2d | nn.Linear):
                squares = _squares(part, x, answers, points, chance)
            for group, index, place in taking[name]:
                if squares is None:
                    one = _by_running(part, x, place, group.width)
                else:
                    one = _folded(squares, place.channel, group.width)
                found[group.name][index] += one.cpu()

        return add

    handles = [module.get_submodule(name).register_forward_hook(called(name)) for name in taking]
    with hooked(handles), in_eval_mode(module):
        for x, _ in batches:
            module(x)
    return found


def _squares(part: Any, x: Tensor, answers: Tensor, points: int, chance: torch.Generator) -> Tensor:
    """[d, d]: for the inputs of a layer, by axis 1 of its weight and kernel place, the products of
    what each two of them give, summed over outputs and over random places."""
    groups = part.groups if isinstance(part, nn.Conv2d) else 1
    images, places = len(x), answers.numel() // len(answers) // _outputs(part)
    weight = part.weight.reshape(groups, len(part.weight) // groups, -1).double()
    gram = torch.zeros(groups, weight.shape[2], weight.shape[2]).to(weight)
    for columns, _ in patches_of(part, x, answers):
        rows = by_group(columns, groups)
        share = rows.shape[2] / (images * places)
        some = min(rows.shape[2], round(points * images * share))
        drawn = torch.randperm(rows.shape[2], generator=chance)[:some].to(rows.device)
        rows = rows[..., drawn].double()
        gram += rows @ rows.mT
    return (weight.mT @ weight * gram).sum(dim=0)


def _outputs(part: Any) -> int:
    return part.out_channels if isinstance(part, nn.Conv2d) else part.out_features


def _folded(squares: Tensor, channel: Any, width: int) -> Tensor:
    """[width, width] of [d, d]: what belongs to the same channels is added."""
    numbers = torch.from_numpy(channel).to(squares.device)
    numbers = numbers.repeat_interleave(len(squares) // len(numbers))
    own = numbers >= 0
    for _ in range(2):
        rows = squares.new_zeros(width, squares.shape[1])
        squares = rows.index_add(0, numbers[own], squares[own]).T
    return squares


def _by_running(part: nn.Module, x: Tensor, place: Place, width: int) -> Tensor:
    """[width, width], for a layer of any kind that is linear: each channel passes alone."""
    channel = torch.from_numpy(place.channel).to(x.device)
    channel = channel.repeat(x.shape[1] // len(channel))
    nothing = part.forward(torch.zeros_like(x))
    given = [
        part.forward(x * (channel == one).to(x).reshape(-1, *([1] * (x.ndim - 2)))) - nothing
        for one in range(width)
    ]
    rows = torch.stack(given).flatten(1).double()
    return rows @ rows.T
