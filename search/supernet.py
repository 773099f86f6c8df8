"""The over-parameterized network: every candidate's weights, one path's work."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from proxyless_nas import Network, Space
from proxyless_nas.network import init_weights


class Gate(torch.autograd.Function):
    """y = sum_j g_j o_j with one-hot gates: passes o_0 on, and reports every dL/dg_j.

    dL/dg_j = <dL/dy, o_j>, summed over batch, channels and space (Cai et al. 2019, section 3.2).
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, *outputs: Tensor) -> Tensor:
        ctx.save_for_backward(*outputs)
        return outputs[0].view_as(outputs[0])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = upstream
        outputs: tuple[Tensor, ...] = ctx.saved_tensors
        slopes = torch.stack([(gradient * output).sum() for output in outputs])
        return (slopes, gradient, *[None] * (len(outputs) - 1))


class Supernet(nn.Module):
    """[B, *space.input] -> [B, classes] along one chosen path.

    Only the path's candidates run: the others keep no activations and get no gradients.
    """

    def __init__(self, space: Space) -> None:
        super().__init__()
        self.space = space
        self.stem = space.stem.build(space.input, space.norm)
        self.edges = nn.ModuleList()
        shape = space.stem.output(space.input)
        for edge, shape in space.placed():
            built = [candidate.build(shape, space.norm) for candidate in edge.candidates]
            self.edges.append(nn.ModuleList(built))
            shape = edge.candidates[0].output(shape)
        self.mix = space.mix.build(shape, space.norm) if space.mix else nn.Identity()
        shape = space.mix.output(shape) if space.mix else shape
        self.classifier = space.classifier.build(shape, space.norm)
        init_weights(self)
        self._knobs = {edge: knob for knob, edge in enumerate(space.searched)}

    def forward(self, x: Tensor, options: Sequence[int]) -> Tensor:
        """Logits along the path of one option per searched edge."""
        x = self.stem(x)
        for block in self._path(options):
            x = block(x)
        return self.classifier(self.mix(x))

    def listen(
        self, x: Tensor, options: Sequence[int], rivals: Sequence[int], gates: Tensor
    ) -> Tensor:
        """The same logits; backward also fills the slopes of `gates` [knobs, 2].

        The rival's output is computed without keeping its activations.
        """
        x = self.stem(x)
        for index, (block, rival) in enumerate(
            zip(self._path(options), self._path(rivals), strict=True)
        ):
            if index not in self._knobs:
                x = block(x)
                continue
            with torch.no_grad():
                other = rival(x)
            x = Gate.apply(gates[self._knobs[index]], block(x), other)  # pyright: ignore
        return self.classifier(self.mix(x))

    def extract(self, options: Sequence[int]) -> Network:
        """The chosen network as a plain module with a copy of the shared weights."""
        network = Network(self.space.network(options))
        parts: dict[str, nn.Module] = {"stem": self.stem, "classifier": self.classifier}
        if self.space.mix is not None:
            parts["mix"] = self.mix
        parts |= {f"blocks.{index}": block for index, block in enumerate(self._path(options))}
        state = {
            f"{name}.{key}": value.clone()
            for name, part in parts.items()
            for key, value in part.state_dict().items()
        }
        network.load_state_dict(state)
        return network

    def _path(self, options: Sequence[int]) -> list[nn.Module]:
        edges: list[nn.ModuleList] = list(self.edges)  # pyright: ignore[reportAssignmentType]
        chosen = self.space.per_edge(options)
        return [candidates[option] for candidates, option in zip(edges, chosen, strict=True)]
