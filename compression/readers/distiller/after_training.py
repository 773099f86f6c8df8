"""Distiller's quantizer for trained networks: the command that does it here."""

from typing import Any, Literal

from msgspec import Struct

from compression.readers.arguments import typed
from compression.readers.distiller.parsing import Component
from compression.readers.distiller.quantizers import FLOAT, Mode
from proxyless_nas.language.values import refuse

NAME = "PostTrainLinearQuantizer"
Clip = Literal["NONE", "AVG", "N_STD", "GAUSS", "LAPLACE"]
RANGES: dict[str, str] = {"NONE": "min-max"}
"""What `clip_acts` is here; the others have `mse`, which has their purpose."""


class PostTrain(Struct, frozen=True, kw_only=True):
    """Its arguments."""

    bits_activations: int | None = 8
    bits_parameters: int | None = 8
    bits_accum: int = FLOAT
    overrides: Any = None
    mode: Mode | dict[Literal["activations", "weights"], Mode] = "SYMMETRIC"
    clip_acts: Clip | dict[str, Clip] = "NONE"
    per_channel_wts: bool = False
    model_activation_stats: Any = None
    fp16: bool = False
    clip_n_stds: float | None = None
    clip_half_range: bool = False
    scale_approx_mult_bits: int | None = None
    inputs_quant_auto_fallback: bool = True
    fpq_module: int | str | None = None
    save_fp_weights: bool = False
    also_clip_weights: bool = False


def command_of(component: Component, network: str) -> tuple[str, list[str]]:
    """The command, and what it leaves out, in words. ValueError for what is no such quantizer."""
    args = typed(PostTrain, component.args, component.place, component.told)
    flags = ["--fold", "--ends same", f"--per {'channel' if args.per_channel_wts else 'tensor'}"]
    for flag, bits in (("weight", args.bits_parameters), ("activation", args.bits_activations)):
        if bits is not None and bits != FLOAT and not 1 <= bits <= 8:
            refuse(component.place, (), f"{component.told}: {bits} bits; 1 to 8 are known here")
        flags.append(f"--{flag}-bits {'None' if bits in (None, FLOAT) else bits}")
    mode = args.mode if isinstance(args.mode, str) else args.mode.get("weights", "SYMMETRIC")
    flags.append("--symmetric" if mode.startswith("SYMMETRIC") else "--no-symmetric")
    clip = args.clip_acts if isinstance(args.clip_acts, str) else "AVG"
    flags.append(f"--activation-range {RANGES.get(clip, 'mse')}")
    left_out = ["activations lie from 0 up, or between both ends, whatever their mode"]
    if clip not in RANGES:
        left_out.append(f"mse stands for clip_acts {args.clip_acts}")
    if args.overrides:
        left_out.append("overrides are lines of a file that --policy names instead of bits")
    if args.model_activation_stats is not None:
        left_out.append("statistics are measured anew, on --limit training images")
    rarely = ("scale_approx_mult_bits", "fpq_module", "fp16", "also_clip_weights")
    left_out += [f"{name} has no counterpart" for name in rarely if getattr(args, name)]
    if args.bits_accum != FLOAT:
        left_out.append("sums have no bits of their own")
    start = f"python -m compression quantize --arch {network} --weights FILE --out DIR"
    return " ".join([start, *flags]), left_out
