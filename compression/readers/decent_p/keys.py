"""Keys that Xilinx' pruners are told, and what becomes of each that is no part of our file."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from compression.readers.reading import Said

Share = Annotated[float, Meta(gt=0, lt=1)]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Name = Annotated[str, Meta(min_length=1)]


class Caffe(Struct, frozen=True, kw_only=True):
    """A configuration of `decent_p`, in its later life `vai_p_caffe`."""

    workspace: Name
    rate: Share
    gpu: str | int | None = None
    test_iter: Count | None = None
    acc_name: str | None = None
    model: str | None = None
    weights: str | None = None
    solver: str | None = None
    ssd_ap_version: str | None = None
    pruner: Any = None


class Pruner(Struct, frozen=True, kw_only=True):
    """Its block `pruner`."""

    method: Literal["REGULAR"] = "REGULAR"
    exclude: Any = None


class Exclude(Struct, frozen=True, kw_only=True):
    """A block `exclude` in that: layers by what comes out of them."""

    layer_top: Name | tuple[Name, ...]


class Darknet(Struct, frozen=True, kw_only=True):
    """The section `[pruning]` of `vai_p_darknet`."""

    workspace: Name
    threshold: Annotated[float, Meta(ge=0, lt=1)]
    datacfg: str | None = None
    modelcfg: str | None = None
    prunedcfg: str | None = None
    ana_out_file: str | None = None
    prune_out_weights: str | None = None
    criteria: int | None = None
    kernel_batch: Count = 2
    ignore_layer: str | int | None = None
    yolov3: int | None = None


LEFT_OUT: dict[str, str] = {
    "acc_name": "top-1 judges here; it has no name",
    "model": "--arch of `read` names the network, which is `train: {arch: ...}`",
    "weights": "no file of Caffe is opened: write `train: {weights: FILE}`, ours or torch's; a "
    "network that was pruned before is its spec.json, with a `share` against that one",
    "solver": "write `epochs`, `base_lr`, `batch_size`, `wd` and `momentum` below `train`",
    "ssd_ap_version": "boxes are not judged here, top-1 is",
    "datacfg": "write `dataset` and `path` below `train`",
    "modelcfg": "--arch of `read` names the network, which is `train: {arch: ...}`",
    "prunedcfg": "`transform` writes spec.json, or network.pt2, in `out`",
    "ana_out_file": "`ana` writes sensitivity.json in `out`",
    "prune_out_weights": "`finetune` keeps weights.pt below `out`, no masked ones",
    "ignore_layer": "layers have names here: write `where: {exclude: [NAMES]}`; layers that give "
    "the network's answers never lose channels",
    "yolov3": "boxes are not judged here, top-1 is",
}
"""Keys that no line of our file stands for, and what does their work."""


def of_gpus(gpus: str | int) -> Said:
    """What is done with the numbers of GPUs."""
    count = len(str(gpus).split(","))
    run = "python -m compression finetune"
    if count > 1:
        run = f"torchrun --nproc-per-node {count} -m compression finetune"
    return "differs", f"no line, a command: CUDA_VISIBLE_DEVICES={gpus} {run} --config FILE"
