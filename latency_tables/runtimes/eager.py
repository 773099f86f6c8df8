"""Run modules with PyTorch itself: channels last, batch norm folded, on the CPU or a GPU."""

import copy
from typing import Literal

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from latency_tables.devices import AnyDevice, fingerprint
from latency_tables.devices.cuda import Events, cuda_fingerprint, must_see_cuda
from latency_tables.graph import LeafTracer
from latency_tables.head import RuntimeInfo
from latency_tables.model import Model
from latency_tables.runtimes.base import OnThisCpu, check_dtype
from latency_tables.stopwatch import Call, Stopwatch

TYPES = {"float32": torch.float32, "float16": torch.float16}


class Eager(OnThisCpu, frozen=True):
    """PyTorch without a compiler. ValueError for a data type that it does not run."""

    device_name: Literal["cpu", "cuda"] = "cpu"

    def __post_init__(self) -> None:
        check_dtype("eager", self.dtype, ("float32", "float16"))
        if self.device_name == "cpu":
            check_dtype("eager on the CPU", self.dtype, ("float32",))
        else:
            must_see_cuda()

    def info(self) -> RuntimeInfo:
        options = {"layout": "channels_last", "batch_norm": "folded", "device": self.device_name}
        return RuntimeInfo("eager", str(torch.__version__), options)

    def device(self) -> AnyDevice:
        if self.device_name == "cuda":
            return cuda_fingerprint(fingerprint().cpu)
        return super().device()

    def stopwatch(self) -> Stopwatch:
        if self.device_name == "cuda":
            return Events()
        return super().stopwatch()

    def prepare(self, model: Model) -> Call:
        """Fold batch norm, then call the module on an input that stays where it is."""
        torch.set_num_threads(self.threads)
        module, x = folded(model, self.device_name, TYPES[self.dtype])

        def call() -> None:
            with torch.inference_mode():
                module(x)

        call()
        return call


def folded(
    model: Model, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[nn.Module, torch.Tensor]:
    """A copy of the module with batch norm folded, and a fixed random input, both channels last."""
    module = _without_batch_norm(copy.deepcopy(model.module))
    module = module.to(device, dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(model.sides, generator=torch.Generator().manual_seed(0))
    x = x.to(device=device, dtype=dtype, memory_format=torch.channels_last)
    return module.requires_grad_(False), x


def _without_batch_norm(module: nn.Module) -> nn.Module:
    """Fold every batch norm that alone follows a convolution into it; the rest stays."""
    traced = fx.GraphModule(module, LeafTracer().trace(module))
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        before = node.args[0] if node.op == "call_module" else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, norm = modules[str(before.target)], modules[str(node.target)]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            traced.set_submodule(str(before.target), fuse_conv_bn_eval(convolution, norm))
            node.replace_all_uses_with(before)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced.eval()
