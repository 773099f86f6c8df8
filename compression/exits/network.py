"""A network with exits: all its answers in one pass, or for each image the first sure one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from compression.channels.cut import TOLERANCE, apart, noise
from compression.exits.heads import Exit, Heads, fresh_heads, must_be_apart
from compression.exits.leaving import Leaving
from compression.exits.stages import stages_of
from proxyless_nas.counting import in_eval_mode
from proxyless_nas.layer import Shape


class Answers(NamedTuple):
    """Logits [B, classes], and the number of the exit they come from, int64 [B].

    Exits are counted from 0; the network's own answer has the number behind the last.
    """

    logits: Tensor
    exit: Tensor


class WithExits(nn.Module):
    """`places` says where `heads` stand; images [B, C, H, W] -> logits of every exit, final last.

    The parts of the network and the heads are taken over, not copied: each part stands in
    `stages`, in the stage that calls it. They train as ever; only code of the modules around an
    exit is that of eval mode.
    """

    def __init__(self, network: nn.Module, places: Sequence[Exit], heads: Heads) -> None:
        super().__init__()
        names = [one.behind for one in places]
        must_be_apart(names)
        self.places = tuple(places)
        self.stages = nn.ModuleList(stages_of(network, names))
        self.exits = heads.train(network.training)
        self.training = network.training

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        said: list[Tensor] = []
        values: Sequence[Tensor] = (x,)
        *stages, last = self.stages
        for stage, head in zip(stages, self.exits, strict=True):
            features, *values = stage(*values)
            said.append(head(features))
        return (*said, last(*values))

    @torch.no_grad()
    def answers(self, x: Tensor, leaving: Leaving) -> Answers:
        """Each image [C, H, W] of `x` leaves at the first exit that is sure; eval mode only.

        What has left is not computed any further, and an exit without a threshold is not asked.
        """
        if self.training:
            raise ValueError("images leave early in eval mode only: call eval() first")
        return self._leave(x, leaving.tests(len(self.exits)))

    def _leave(self, x: Tensor, tests: Sequence[Callable[[Tensor], Tensor] | None]) -> Answers:
        """Stage by stage, with those images that are left; a test says who goes."""
        inside = torch.arange(len(x), device=x.device)
        exit = torch.full_like(inside, len(self.exits))
        found: Tensor | None = None
        values: Sequence[Tensor] = (x,)
        *stages, last = self.stages
        for number, (stage, head, test) in enumerate(zip(stages, self.exits, tests, strict=True)):
            features, *values = stage(*values)
            if test is None:
                continue
            said: Tensor = head(features)
            leaves = test(said)
            if not leaves.any():
                continue
            if found is None:
                found = said.new_empty(len(x), said.shape[1])
            found[inside[leaves]], exit[inside[leaves]] = said[leaves], number
            stays = ~leaves
            if not stays.any():
                return Answers(found, exit)
            inside, values = inside[stays], [value[stays] for value in values]
        said = last(*values)
        if found is None:
            return Answers(said, exit)
        found[inside] = said
        return Answers(found, exit)


def add_exits(network: nn.Module, shape: Shape, places: Sequence[Exit], seed: int = 0) -> WithExits:
    """`network` with fresh heads, drawn from `seed`, for images of `shape`.

    ValueError where an exit cannot stand where it should, and where images cannot leave: each must
    be computed by itself, whoever is in its batch.
    """
    found = WithExits(network, places, fresh_heads(network, shape, places, seed))
    must_part(network, found, shape)
    return found


@torch.no_grad()
def must_part(network: nn.Module, parted: WithExits, shape: Shape) -> None:
    """ValueError unless the stages answer as `network` does, also when images leave on the way."""
    count = len(parted.exits)
    x = noise(shape, network, count + 2)

    def first(said: Tensor) -> Tensor:
        return torch.arange(len(said), device=said.device) == 0

    with in_eval_mode(network), in_eval_mode(parted):
        expected, (*early, final) = network(x), parted(x)
        wanted = torch.stack([*(said[n] for n, said in enumerate(early)), *expected[count:]])
        try:
            answers = parted._leave(x, [first] * count).logits
        except (RuntimeError, TypeError, IndexError) as error:
            raise ValueError(
                f"images cannot leave on the way ({error}): what is computed before an exit and "
                "used behind it must be tensors with the batch first"
            ) from error
        difference = apart([expected, wanted], [final, answers])
    if not difference <= TOLERANCE:
        raise ValueError(
            f"images cannot leave on the way: the others' answers change by {difference:.1e} of "
            "the largest number; what is computed for one image must not depend on the others"
        )
