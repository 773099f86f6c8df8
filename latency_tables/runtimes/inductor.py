"""Run modules compiled by torch's inductor, with frozen weights."""

import torch

from latency_tables.head import RuntimeInfo
from latency_tables.model import Model
from latency_tables.runtimes.base import OnThisCpu, check_dtype
from latency_tables.runtimes.eager import folded
from latency_tables.stopwatch import Call


class Inductor(OnThisCpu, frozen=True):
    """torch.compile on the CPU. Freezing lets it pack weights once; it needs a C++ compiler."""

    def __post_init__(self) -> None:
        check_dtype("inductor", self.dtype, ("float32",))

    def info(self) -> RuntimeInfo:
        options = {"layout": "channels_last", "batch_norm": "folded", "freezing": "1"}
        return RuntimeInfo("inductor", str(torch.__version__), options)

    def prepare(self, model: Model) -> Call:
        """Compile for one input; ValueError where inductor cannot."""
        torch.set_num_threads(self.threads)
        module, x = folded(model)
        torch._dynamo.reset()  # every model is another graph: none is a recompilation of the last
        compiled = torch.compile(module, fullgraph=True, options={"freezing": True})
        with torch.inference_mode():
            try:
                compiled(x)
            except Exception as error:  # inductor's errors share no narrower base
                reason = " ".join(str(error).strip().splitlines()[:2])
                raise ValueError(f"inductor cannot compile {model.name}: {reason}") from error

        def call() -> None:
            with torch.inference_mode():
                compiled(x)

        return call
