"""Turn an eval-mode module into an ONNX model in milliseconds, batch norm folded into convolutions.

The module is traced with torch.fx; each leaf becomes one ONNX node. There is no code per kind of
block: a new block works as soon as it is made of the leaves in `LEAVES` and the calls in `CALLS`
of `graph_leaves`.
"""

import onnx
from onnx import TensorProto, helper
from torch import fx, nn
from torch.fx.proxy import TraceError

from latency_tables.graph_builder import Builder
from latency_tables.graph_leaves import CALLS, LEAVES
from proxyless_nas.layer import Shape

OPSET = 17
IR_VERSION = 8


def to_onnx(
    module: nn.Module, shape: Shape, name: str = "model", batch: int = 1
) -> onnx.ModelProto:
    """What `module` computes in eval mode, as ONNX: [batch, *shape] float32 `x` -> `y`.

    Raises ValueError for a module in training mode, for one that cannot be traced, and for an
    operation that has no translation here (the message names it).
    """
    if any(part.training for part in module.modules()):
        raise ValueError(f"{name} is in training mode; call .eval() before translating it to ONNX")
    try:
        graph = LeafTracer().trace(module)
    except TraceError as error:
        raise ValueError(f"{name} cannot be traced to ONNX: {error}") from error
    builder = Builder(dict(module.named_modules()))
    for node in graph.nodes:
        _add(builder, node)
    size = [batch, shape.channels, shape.height, shape.width]
    model = helper.make_model(
        helper.make_graph(
            builder.nodes,
            name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            list(builder.weights.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="latency_tables",
    )
    model.ir_version = IR_VERSION
    return model


class LeafTracer(fx.Tracer):
    """Traces a module down to the leaves that have a translation."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, tuple(LEAVES)) or super().is_leaf_module(m, module_qualified_name)


def _add(builder: Builder, node: fx.Node) -> None:
    if node.op == "placeholder":
        if builder.names:
            raise ValueError(f"a second input {node.name!r}: only one input can be timed")
        builder.names[node] = "x"
    elif node.op == "output":
        builder.nodes.append(helper.make_node("Identity", [builder.value(node.args[0])], ["y"]))
    elif node.op == "get_attr":
        home, _, name = str(node.target).rpartition(".")
        builder.names[node] = builder.weight(node.name, getattr(builder.modules[home], name))
    elif node.op == "call_module":
        builder.names[node] = _leaf(builder, node, builder.modules[str(node.target)])
    elif node.target in CALLS:
        builder.names[node] = CALLS[node.target](builder, node)
    else:
        what = getattr(node.target, "__name__", node.target)
        raise ValueError(f"no ONNX translation for operation {what!r} (at {node.name!r})")


def _leaf(builder: Builder, node: fx.Node, module: nn.Module) -> str:
    for kind, translate in LEAVES.items():
        if isinstance(module, kind):
            return translate(builder, node, module)
    what = type(module).__name__
    raise ValueError(f"no ONNX translation for module {what!r} (at {node.target!r})")
