"""Learners that round: `uniform`, `non-uniform` and `uniform-tf`."""

from compression.quantizers.activations import RangeActivations
from compression.quantizers.weights import AnyWeights, CodebookWeights, RangeWeights
from compression.readers.pocketflow.flags import Codebook, Uniform, UniformTf
from compression.readers.pocketflow.learning import CHECKPOINT, NO_AGENT, OF_AGENT, Asked, Made
from compression.readers.pocketflow.stored import share_stored
from compression.readers.reading import Said
from compression.steps import QuantizeStep

FLOAT = 32
MOST = 8
KEEPS = 0.999
"""What stays at each step of the ends of TensorFlow's ranges of activations."""
LEAST = 2
"""The fewest bits that `python -m compression auto` gives weights where it is not told which."""
OF_BITS = (
    "nb_rlouts", "w_bit_min", "w_bit_max", "tune_global_steps", "tune_layerwise_steps",
    "tune_disp_steps", "enbl_rl_global_tune", "enbl_rl_layerwise_tune", "enbl_random_layers",
)  # fmt: skip


def uniform(own: Uniform, asked: Asked) -> Made:
    """A `quantize` step with evenly spaced levels over what weights and activations are."""
    bits = own.uql_equivalent_bits if own.uql_enbl_rl_agent else own.uql_weight_bits
    whose = "uql_equivalent_bits" if own.uql_enbl_rl_agent else "uql_weight_bits"
    weights = None
    if _rounds(asked, whose, bits):
        weights = RangeWeights(
            bits=bits,
            per="channel" if own.uql_use_buckets else "tensor",
            symmetric=False,
            zero=False,
            follows=True,
        )
    seen = FLOAT if own.uql_enbl_rl_agent else own.uql_activation_bits
    activations = None
    if _rounds(asked, "uql_activation_bits", seen):
        activations = RangeActivations(bits=seen, follows=0.0)
    return Made(
        learner=("differs", f"`quantize` from the first step on; {_adam(asked)}"),
        steps=_steps(weights, activations, own.uql_quantize_all_layers),
        said={
            **_of_bits(
                "uql",
                own.uql_enbl_rl_agent,
                own.uql_equivalent_bits,
                own.uql_quantize_all_layers,
                asked,
            ),
            "uql_weight_bits": (
                ("translated", "nothing beside an agent, there neither")
                if own.uql_enbl_rl_agent
                else _bits(bits, "`by: range`, `zero: false`, `follows: true`")
            ),
            "uql_activation_bits": (
                ("translated", "float beside an agent, as there")
                if own.uql_enbl_rl_agent
                else _of_activations(seen)
            ),
            **_buckets("uql", own.uql_use_buckets, own.uql_bucket_type == "split"),
            "uql_quant_epochs": _epochs(asked),
            "uql_quantize_all_layers": _all(own.uql_quantize_all_layers),
            **dict.fromkeys(("uql_tune_save_path", "uql_save_quant_model_path"), CHECKPOINT),
        },
    )


def non_uniform(own: Codebook, asked: Asked) -> Made:
    """A `quantize` step with a codebook for each layer."""
    bits = own.nuql_equivalent_bits if own.nuql_enbl_rl_agent else own.nuql_weight_bits
    whose = "nuql_equivalent_bits" if own.nuql_enbl_rl_agent else "nuql_weight_bits"
    quantiles = own.nuql_init_style == "quantile"
    weights = None
    if _rounds(asked, whose, bits):
        weights = CodebookWeights(bits=bits, rounds=1, begin="quantiles" if quantiles else "best")
    shared: Said = ("differs", "one codebook for a layer, there one for each bucket")
    buckets = ("nuql_use_buckets", "nuql_bucket_type", "nuql_bucket_size")
    return Made(
        learner=(
            "differs",
            "`quantize`, `by: codebook`: which value a weight has is settled at first, and values "
            f"are means of their weights; {_adam(asked)}",
        ),
        steps=_steps(weights, None, own.nuql_quantize_all_layers),
        said={
            **_of_bits(
                "nuql",
                own.nuql_enbl_rl_agent,
                own.nuql_equivalent_bits,
                own.nuql_quantize_all_layers,
                asked,
            ),
            "nuql_weight_bits": (
                ("translated", "nothing beside an agent, there neither")
                if own.nuql_enbl_rl_agent
                else _bits(bits, "`by: codebook`")
            ),
            "nuql_activation_bits": ("translated", "it does nothing there either"),
            "nuql_init_style": (
                ("translated", "`begin: quantiles`")
                if quantiles
                else ("differs", "`begin: best` of evenly spread values and of quantiles")
            ),
            "nuql_opt_mode": (
                ("translated", "the values learn, by the slopes of their weights")
                if own.nuql_opt_mode == "clusters"
                else ("differs", "the values learn, with the weights that share them")
            ),
            **dict.fromkeys(
                buckets,
                shared if own.nuql_use_buckets else ("translated", "one codebook for a layer"),
            ),
            "nuql_quant_epochs": _epochs(asked),
            "nuql_quantize_all_layers": _all(own.nuql_quantize_all_layers),
            **dict.fromkeys(("nuql_tune_save_path", "nuql_save_quant_model_path"), CHECKPOINT),
        },
    )


def uniform_tf(own: UniformTf, asked: Asked) -> Made:
    """A `quantize` step like TensorFlow's rewriting of graphs."""
    weights, activations = None, None
    if _rounds(asked, "uqtf_weight_bits", own.uqtf_weight_bits):
        weights = RangeWeights(
            bits=own.uqtf_weight_bits, per="tensor", symmetric=False, follows=True
        )
    if _rounds(asked, "uqtf_activation_bits", own.uqtf_activation_bits):
        activations = RangeActivations(bits=own.uqtf_activation_bits, follows=KEEPS)
    float_at_first = "everything is rounded from the first step on"
    return Made(
        learner=(
            "differs",
            "`quantize`, with 0 among the levels: what flows into layers is rounded, and batch "
            "norms stay beside them; there they are folded, and what flows out is rounded",
        ),
        steps=_steps(weights, activations, everything=True),
        said={
            "uqtf_weight_bits": _bits(own.uqtf_weight_bits, "`by: range`, `follows: true`"),
            "uqtf_activation_bits": _bits(
                own.uqtf_activation_bits, f"`by: range`, `follows: {KEEPS}`"
            ),
            "uqtf_quant_delay": (
                ("cannot be", float_at_first)
                if own.uqtf_quant_delay
                else ("translated", float_at_first)
            ),
            "uqtf_freeze_bn_delay": ("cannot be", "statistics of batch norms go on moving"),
            "uqtf_lrn_rate_dcy": ("translated", "a factor of --base-lr"),
            "uqtf_enbl_manual_quant": ("translated", "all layers are found, by hand or not"),
            **dict.fromkeys(("uqtf_save_path", "uqtf_save_path_eval"), CHECKPOINT),
        },
    )


def _adam(asked: Asked) -> str:
    """What is to be said of the learning rate, which is another optimizer's."""
    rate = f"{asked.length.rate:g}"
    return f"there Adam tunes it, at a rate of {rate} first; here SGD does: choose its --base-lr"


def _rounds(asked: Asked, flag: str, bits: int) -> bool:
    """Whether so many bits are fewer than float's. ValueError with FILE:LINE for 9 to 31."""
    if MOST < bits < FLOAT:
        asked.command.refuse(flag, f"{bits} bits: 1 to {MOST} are known here, or {FLOAT} for float")
    return bits < FLOAT


def _steps(
    weights: AnyWeights | None, activations: RangeActivations | None, everything: bool
) -> tuple[QuantizeStep, ...]:
    if weights is None and activations is None:
        return ()
    ends = "same" if everything else "float"
    return (QuantizeStep(weights=weights, activations=activations, ends=ends),)


def _bits(bits: int, kind: str) -> Said:
    return "translated", "float" if bits == FLOAT else f"`bits: {bits}`, {kind}"


def _of_activations(bits: int) -> Said:
    if bits == FLOAT:
        return _bits(bits, "")
    return (
        "differs",
        f"`bits: {bits}`, `follows: 0.0`: over the range of each batch; a test keeps that of the "
        "last one, and 0 is a level",
    )


def _all(everything: bool) -> Said:
    return "translated", f"`ends: {'same' if everything else 'float'}`"


def _epochs(asked: Asked) -> Said:
    return "translated", f"main.py --epochs {asked.length.epochs}"


def _buckets(prefix: str, used: bool, split: bool) -> dict[str, Said]:
    flags = [f"{prefix}_{name}" for name in ("use_buckets", "bucket_type", "bucket_size")]
    if not used:
        return dict.fromkeys(flags, ("translated", "no buckets: `per: tensor`"))
    if split:
        told = "`per: channel` in the place of buckets of that many weights, which cross channels"
        return dict.fromkeys(flags, ("differs", told))
    return dict.fromkeys(flags, ("translated", "`per: channel`; its size does nothing there"))


def _of_bits(
    prefix: str, agent: bool, bits: int, everything: bool, asked: Asked
) -> dict[str, Said]:
    """Of flags by which an agent gives each layer bits of its own."""
    none: Said = ("translated", "no agent is asked for: all layers have the same bits")
    return {
        f"{prefix}_enbl_rl_agent": ("differs", _by_agent(bits, everything, asked))
        if agent
        else none,
        f"{prefix}_equivalent_bits": ("translated", f"`bits: {bits}`") if agent else NO_AGENT,
        **{f"{prefix}_{name}": OF_AGENT if agent else NO_AGENT for name in OF_BITS},
    }


def _by_agent(bits: int, everything: bool, asked: Asked) -> str:
    """What is there in the place of an agent, and the command that looks for what it would.

    The goal is what a network of so many bits costs there: its weights alone are fewer bytes.
    """
    share = share_stored(asked.subject, bits, everything)
    more = "".join(f" {one}" for one in range(MOST, bits - 1, -1)) if bits < LEAST else ""
    command = asked.auto(f"bytes={share:g}x", "bits", f" --weight-bits{more}" if more else "")
    told = (
        "the same bits everywhere in the place of an agent's choice; what it looks for is found "
        f"by `{command}`"
    )
    if bits == FLOAT:
        return told
    ends = "" if everything else " but for the first and the last layer"
    return (
        f"{told}: equivalent bits are of weights alone, bytes of all that is stored, and "
        f"{share:g}x are weights of `bits: {bits}`{ends}, a step for each of their channels, and "
        "float for the rest"
    )
