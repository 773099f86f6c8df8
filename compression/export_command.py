"""The command `export`: a network with its weights as a file that others run."""

from pathlib import Path
from typing import Annotated

from compression.analysis.subject import SubjectConfig
from compression.export import export_onnx
from compression.program import write_program
from proxyless_nas.command import short
from proxyless_nas.subject import load_its_weights


class ExportConfig(SubjectConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write a network with its weights as ONNX (.onnx) or as a program of torch.export (.pt2).

    What was written is run beside the network first; where they differ nothing is left.
    """

    out: Annotated[str, short("o")]
    """The file: FILE.onnx for one image, or FILE.pt2 for any number of them."""
    weights: str | None = None
    """Its weights; default: the weights.pt beside the file, or the published ones of a name."""

    def __post_init__(self) -> None:
        if Path(self.out).suffix not in (".onnx", ".pt2"):
            raise ValueError(f"--out {self.out} must end with .onnx or .pt2")


def run_export(config: ExportConfig) -> None:
    """The command."""
    subject = config.subject()
    network = subject.build(seed=0).eval()
    load_its_weights(network, config.arch, config.weights)
    if Path(config.out).suffix == ".pt2":
        write_program(network, subject.input, config.out)
        print(f"{config.out}: {Path(config.out).stat().st_size:,} bytes, for torch.export.load")
        return
    done = export_onnx(network, subject.input, config.out)
    print(f"{done.path}: {done.bytes:,} bytes, logits differ by {done.difference:.1e} at most")
