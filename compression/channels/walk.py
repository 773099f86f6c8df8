"""Walk through a network as its data do, and see which channels of which layers hang together."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn

from compression.channels.book import Book, Seen, Step, without_atoms
from compression.channels.carried import Carried
from compression.channels.layers import through_layer
from compression.channels.operations import through_operation
from proxyless_nas.counting import in_eval_mode


class Walk(fx.Interpreter):
    """Runs a traced network on tensors without data and asks a rule what every operation does."""

    def __init__(self, graph: fx.GraphModule, book: Book) -> None:
        super().__init__(graph)
        self.book = book

    def run_node(self, n: fx.Node) -> Any:
        """What an operation gives; called for every one, in order."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "output":
            self.book.keep_all(args, "it is in the network's answer")
            return args[0]
        bare = without_atoms((args, kwargs))
        value = getattr(self, n.op)(n.target, *bare)
        target = n.target if isinstance(n.target, str) else getattr(n.target, "__name__", "?")
        if n.op == "placeholder":
            return self.book.kept(value, "it is in the network's input")
        if n.op == "get_attr":
            return self._parameter(target, value)
        step = Step(target, n.target, tuple(args), dict(kwargs), tuple(n.args), value)
        if n.op == "call_module":
            return through_layer(self.fetch_attr(target), step, self.book)
        return through_operation(step, self.book)

    def _parameter(self, name: str, value: Any) -> Any:
        """A tensor of the module that the code uses by itself."""
        if not isinstance(value, Tensor):
            return value
        long = [axis for axis, size in enumerate(value.shape) if size > 1]
        if len(long) != 1 or name not in self.book.sizes:
            return self.book.kept(value, f"it meets {name}, whose axes are not told apart here")
        ids = self.book.atoms.make(value.shape[long[0]])
        self.book.use(name, long[0], ids, "carries")
        return Seen(value, Carried.along(tuple(value.shape), long[0], ids))


def trace(module: nn.Module, tracer: fx.Tracer | None = None) -> fx.GraphModule:
    """The module's operations in eval mode; ValueError where they depend on its data.

    A `tracer` says which parts are looked into; without one all that are not torch's own.
    """
    try:
        with in_eval_mode(module):
            graph = (tracer or fx.Tracer()).trace(module)
            return fx.GraphModule(module, graph, type(module).__name__)
    except Exception as error:
        raise ValueError(
            f"{type(module).__name__} cannot be traced ({type(error).__name__}: {error}): its "
            "forward decides by what the data are; move that into a module of its own and keep "
            "it from being traced, or cut its parts one by one"
        ) from error


Runner = TypeVar("Runner", bound=fx.Interpreter)


def run_bare(
    module: nn.Module, runner: Callable[[fx.GraphModule], Runner], *inputs: Tensor
) -> Runner:
    """Trace `module` and run its operations on tensors that have the shapes of `inputs`, no data.

    ValueError where it cannot be traced, or does not run on such shapes.
    """
    found = runner(deepcopy(trace(module)).to("meta"))
    try:
        with torch.no_grad():
            found.run(*(x.to("meta") for x in inputs))
    except RuntimeError as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise ValueError(
            f"{type(module).__name__} does not run on inputs of shape {shapes}: {error}"
        ) from error
    return found


def walk(module: nn.Module, *inputs: Tensor) -> Book:
    """Who uses which channels, seen along one call with `inputs`, of which only shapes count."""
    return run_bare(module, lambda graph: Walk(graph, Book(module)), *inputs).book
