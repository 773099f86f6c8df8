"""Where: which tensors of a module, or which layers, a step of a recipe is about."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct
from torch import Tensor, nn

from proxyless_nas.files import did_you_mean
from proxyless_nas.parameters import own_parameters

Role = Literal["weight", "bias"]
Names = str | tuple[str, ...]


class Where(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Layers that are of one of the types and have one of the names, and their tensors of a role.

    Names are those of modules and may have wildcards: `blocks.*.conv`. Types are classes of torch,
    or of the user, by name; a subclass counts. Whatever is left out does not matter.
    """

    type: Names = ()
    name: Names = ()
    exclude: Names = ()
    """Names of layers that are left alone though the others fit."""
    role: Role = "weight"
    """Weights, those of recurrent layers among them, or biases."""
    tensor: Names = ()
    """What layers call the tensors: one of a recurrent layer, `weight_hh_l0`."""

    def layers(self, module: nn.Module) -> list[str]:
        """Names of the layers with tensors of the role. ValueError where there are none."""
        return list(dict.fromkeys(layer for layer, _ in self.tensors(module)))

    def tensors(self, module: nn.Module) -> list[tuple[str, str]]:
        """(layer, tensor's own name), in the module's order; one that is shared stands there once.

        ValueError where nothing fits, and where a name or a type fits nothing in the module.
        """
        parts = dict(module.named_modules())
        own = {name: part for name, part in parts.items() if self._own(part)}
        self._must_name_some(own, parts, f"layer with a {self.role}")
        found = list(self._fitting(own))
        if not found:
            raise ValueError(f"nothing has a {self.role} and fits {self._told()}")
        return found

    def parts(self, module: nn.Module) -> list[str]:
        """Names of all parts of a module that fit, in its order, with tensors or without.

        `role` does not matter. ValueError as for `tensors`.
        """
        parts = {name: part for name, part in module.named_modules() if name}
        self._must_name_some(parts, parts, "part of this network")
        found = [name for name, part in parts.items() if self._fits(name, part)]
        if not found:
            raise ValueError(f"nothing fits {self._told()}")
        return found

    def _must_name_some(
        self, own: dict[str, nn.Module], parts: dict[str, nn.Module], what: str
    ) -> None:
        """ValueError where a name or a type fits none of `own`, which are some of the `parts`."""
        for pattern in (*_each(self.name), *_each(self.exclude)):
            if not any(fnmatchcase(name, pattern) for name in own):
                holds = f"; {pattern} holds others: {pattern}.*" if pattern in parts else ""
                near = "" if holds else did_you_mean(pattern, list(own))
                raise ValueError(f"no {what} is named {pattern!r}{near}{holds}")
        kinds = {kind.__name__ for part in own.values() for kind in type(part).__mro__}
        for kind in _each(self.type):
            if kind not in kinds:
                known = sorted({type(part).__name__ for part in own.values()})
                raise ValueError(f"no {what} is a {kind}; this network has {', '.join(known)}")

    def _own(self, part: nn.Module) -> list[tuple[str, nn.Parameter]]:
        """The tensors of the role that a layer has itself."""
        return [
            (own, tensor)
            for own, tensor in own_parameters(part)
            if own.startswith(self.role) and (not self.tensor or _any(own, self.tensor))
        ]

    def _fitting(self, parts: dict[str, nn.Module]) -> Iterator[tuple[str, str]]:
        seen = set[int]()
        for layer, part in parts.items():
            if not self._fits(layer, part):
                continue
            for own, tensor in self._own(part):
                if id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield layer, own

    def _fits(self, layer: str, part: nn.Module) -> bool:
        kinds = {kind.__name__ for kind in type(part).__mro__}
        return (
            (not self.type or bool(kinds & set(_each(self.type))))
            and (not self.name or _any(layer, self.name))
            and not _any(layer, self.exclude)
        )

    def _told(self) -> str:
        told = [
            f"{field} {', '.join(_each(getattr(self, field)))}"
            for field in ("type", "name", "exclude", "tensor")
            if _each(getattr(self, field))
        ]
        return " and ".join(told) or "an empty `where`"


def homes_of(module: nn.Module, tensor: Tensor) -> list[str]:
    """The layers that have a parameter; several where it is shared."""
    return [
        name
        for name, part in module.named_modules()
        if any(other is tensor for _, other in own_parameters(part))
    ]


def must_stand_alone(module: nn.Module, layer: str, own: str) -> None:
    """ValueError where the tensor `own` of a layer is that of another layer too.

    What is masked in one of them would not be masked in the other.
    """
    tensor = dict(own_parameters(module.get_submodule(layer)))[own]
    homes = homes_of(module, tensor)
    if len(homes) > 1:
        raise ValueError(
            f"{layer}.{own} stands in several layers ({', '.join(homes)}) and cannot be masked: "
            "exclude it"
        )


def _each(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _any(name: str, patterns: Names) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _each(patterns))
