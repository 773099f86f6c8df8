"""Learners that take channels away: `channel`, `chn-pruned-gpu`, `-rmt` and `dis-chn-pruned`."""

from collections.abc import Callable, Iterable

from torch import nn

from compression.importance import L1, AnyImportance, Discriminant, Lasso
from compression.readers.distiller.names import Names
from compression.readers.names import channels_of
from compression.readers.pocketflow.flags import Channel, ChannelGpu, ChannelRmt, Discriminating
from compression.readers.pocketflow.learning import CHECKPOINT, NO_AGENT, OF_AGENT, Asked, Made
from compression.readers.reading import Said
from compression.schedule import When
from compression.steps import ChannelsStep
from compression.widths import kept_of

ONCE = When(times=(0,))
TOGETHER = "layers whose outputs are summed lose the same channels, there each its own inputs"
REPAIRED = "steps of Adam there, `repair: lstsq` here"
LIST: Said = (
    "cannot be",
    "its order is that of PocketFlow's graph: write `keep: {LAYER: CHANNELS}` of a `channels` step",
)


def channel(own: Channel, asked: Asked) -> Made:
    """`macs` or `keep` of a `channels` step; none for a list of ratios."""
    score: AnyImportance = L1()
    if own.cp_lasso:
        score = Lasso(points=own.cp_nb_points_per_layer)
    seen = own.cp_nb_batches * (asked.command.training.batch_size or asked.length.net.batch)
    multiple = 4 if own.cp_quadruple else 1
    uniform, auto = (own.cp_prune_option == option for option in ("uniform", "auto"))
    steps: tuple[ChannelsStep, ...] = ()
    if uniform:
        ratio = own.cp_uniform_preserve_ratio
        keep = _keep(asked, lambda width: _rounded(width, ratio, multiple), last=True)
        steps = (ChannelsStep(keep=keep, score=score, repair="lstsq", seen=seen, when=ONCE),)
    if auto:
        macs = own.cp_preserve_ratio
        steps = (
            ChannelsStep(
                macs=macs, score=score, repair="lstsq", seen=seen, multiple=multiple, when=ONCE
            ),
        )
    goal = f"macs={own.cp_preserve_ratio:g}x"
    unused: Said = ("translated", f"nothing for {own.cp_prune_option}, there neither")
    agent = OF_AGENT if auto else NO_AGENT
    between: Said = ("cannot be", "all layers are pruned at once: `macs` along a curve takes turns")
    return Made(
        learner=LIST if not steps else ("differs", f"`channels`, at once, then tuned; {TOGETHER}"),
        steps=steps,
        said={
            "cp_prune_option": {
                "uniform": ("translated", "`keep` of every group"),
                "list": LIST,
                "auto": (
                    "differs",
                    "`macs`: the same share of all groups in the place of an agent's choice; what "
                    f"it looks for is found by `{asked.auto(goal, 'channels')}`",
                ),
            }[own.cp_prune_option],
            "cp_prune_list_file": LIST if own.cp_prune_option == "list" else unused,
            "cp_preserve_ratio": (
                ("translated", f"`macs: {own.cp_preserve_ratio:g}`") if auto else unused
            ),
            "cp_uniform_preserve_ratio": (
                ("translated", "`keep`: so much of each width") if uniform else unused
            ),
            "cp_lasso": (
                ("translated", "`score: lasso`")
                if own.cp_lasso
                else (
                    "differs",
                    "`score: l1` of all weights of a channel, there of those that use it",
                )
            ),
            "cp_quadruple": (
                ("translated", "widths are multiples of 4")
                if own.cp_quadruple
                else ("translated", "widths are any number")
            ),
            "cp_nb_points_per_layer": (
                ("translated", f"`points: {own.cp_nb_points_per_layer}`")
                if own.cp_lasso
                else ("differs", "`repair` looks at all points")
            ),
            "cp_nb_batches": ("translated", f"`seen: {seen}` images"),
            "cp_finetune": between if own.cp_finetune else unused,
            "cp_retrain": between if own.cp_retrain else unused,
            "cp_list_group": between if own.cp_finetune or own.cp_retrain else unused,
            "cp_lrn_rate_ft": between if own.cp_finetune else unused,
            "cp_nb_iters_ft_ratio": between if own.cp_finetune else unused,
            **dict.fromkeys(
                ("cp_noise_tolerance", "cp_reward_policy", "cp_nb_rlouts", "cp_nb_rlouts_min"),
                agent,
            ),
            **dict.fromkeys(
                ("cp_channel_pruned_path", "cp_best_path", "cp_original_path"), CHECKPOINT
            ),
        },
    )


def channel_gpu(own: ChannelGpu, asked: Asked) -> Made:
    """`keep` of a `channels` step."""
    listed = own.cpg_prune_ratio_type == "list"
    steps: tuple[ChannelsStep, ...] = ()
    if not listed:
        keep = _keep(
            asked,
            lambda width: max(1, kept_of(width, own.cpg_prune_ratio)),
            last=own.cpg_skip_ht_layers,
        )
        steps = (ChannelsStep(keep=keep, score=Lasso(), repair="lstsq", when=ONCE),)
    unused: Said = ("translated", f"nothing for {own.cpg_prune_ratio_type}, there neither")
    descent: Said = ("cannot be", "no proximal descent: all penalties of `lasso` are tried")
    return Made(
        learner=LIST
        if listed
        else ("differs", f"`channels` with `score: lasso`, there a group lasso; {TOGETHER}"),
        steps=steps,
        said={
            "cpg_prune_ratio": unused
            if listed
            else ("translated", "`keep`: the rest of each width"),
            "cpg_prune_ratio_type": LIST if listed else ("translated", "`keep` of every group"),
            "cpg_prune_ratio_file": LIST if listed else unused,
            "cpg_skip_ht_layers": _ends(own.cpg_skip_ht_layers),
            "cpg_lrn_rate_pgd_init": descent,
            "cpg_lrn_rate_pgd_incr": descent,
            "cpg_lrn_rate_pgd_decr": descent,
            "cpg_lrn_rate_adam": ("differs", REPAIRED),
            "cpg_nb_iters_layer": ("differs", REPAIRED),
            **dict.fromkeys(("cpg_save_path", "cpg_save_path_eval"), CHECKPOINT),
        },
    )


def channel_rmt(own: ChannelRmt, asked: Asked) -> Made:
    """`keep` of a `channels` step; none where channels are chosen already."""
    names = Names(asked.subject)
    skipped = [one.strip() for one in own.cpr_skip_op_names.split(",") if one.strip()]
    layers = {names.layer(one, asked.command.at("cpr_skip_op_names")) for one in skipped}
    steps: tuple[ChannelsStep, ...] = ()
    if not own.cpr_warm_start:
        keep = _keep(
            asked,
            lambda width: max(1, kept_of(width, own.cpr_prune_ratio)),
            last=own.cpr_skip_last_layer,
            skipped=layers,
        )
        score = Lasso(points=own.cpr_nb_crops_per_smpl)
        steps = (
            ChannelsStep(keep=keep, score=score, repair="lstsq", seen=own.cpr_nb_smpls, when=ONCE),
        )
    chosen: Said = (
        "cannot be",
        "channels are chosen already, in a checkpoint: --arch spec.json of an earlier run",
    )
    return Made(
        learner=chosen
        if own.cpr_warm_start
        else ("differs", f"`channels` with `score: lasso`, `repair: lstsq`; {TOGETHER}"),
        steps=steps,
        said={
            "cpr_prune_ratio": ("translated", "`keep`: the rest of each width, rounded down"),
            "cpr_skip_frst_layer": (
                "translated" if own.cpr_skip_frst_layer else "cannot be",
                "channels of images stay",
            ),
            "cpr_skip_last_layer": _ends(own.cpr_skip_last_layer),
            "cpr_skip_op_names": ("translated", "what these layers take stays"),
            "cpr_nb_smpls": ("translated", f"`seen: {own.cpr_nb_smpls}` images"),
            "cpr_nb_crops_per_smpl": ("translated", f"`points: {own.cpr_nb_crops_per_smpl}`"),
            "cpr_ista_lrn_rate": ("cannot be", "no descent: all penalties of `lasso` are tried"),
            "cpr_ista_nb_iters": ("cannot be", "no descent: all penalties of `lasso` are tried"),
            "cpr_lstsq_lrn_rate": ("differs", REPAIRED),
            "cpr_lstsq_nb_iters": ("differs", REPAIRED),
            "cpr_warm_start": chosen if own.cpr_warm_start else ("translated", "chosen anew"),
            **dict.fromkeys(
                ("cpr_save_path", "cpr_save_path_eval", "cpr_save_path_ws"), CHECKPOINT
            ),
        },
    )


def discriminating(own: Discriminating, asked: Asked) -> Made:
    """`keep` of a `channels` step."""
    keep = _keep(asked, lambda width: max(1, kept_of(width, own.dcp_prune_ratio, rounding="up")))
    score = Discriminant(stages=own.dcp_nb_stages)
    step = ChannelsStep(keep=keep, score=score, repair="lstsq", when=ONCE)
    heads: Said = ("cannot be", f"heads learn for `steps: {score.steps}`, blocks do not")
    return Made(
        learner=(
            "differs",
            f"`channels` with `score: discriminant`: all are ranked at once, there one after "
            f"another is added; {TOGETHER}",
        ),
        steps=(step,),
        said={
            "dcp_prune_ratio": ("translated", "`keep`: the rest of each width"),
            "dcp_nb_stages": ("translated", f"`stages: {own.dcp_nb_stages}`"),
            "dcp_lrn_rate_adam": heads,
            "dcp_nb_iters_block": heads,
            "dcp_nb_iters_layer": ("differs", REPAIRED),
            **dict.fromkeys(("dcp_save_path", "dcp_save_path_eval"), CHECKPOINT),
        },
    )


def _ends(stay: bool) -> Said:
    told = "what the last convolution takes stays" if stay else "the last convolution loses inputs"
    return "translated", f"{told}; channels of images stay"


def _rounded(width: int, ratio: float, multiple: int) -> int:
    return max(1, round(width * ratio)) if multiple == 1 else kept_of(width, 1 - ratio, multiple)


def _keep(
    asked: Asked,
    kept: Callable[[int], int],
    last: bool = False,
    skipped: Iterable[str] = (),
) -> dict[str, int]:
    """By the layer that names a group, how many of its channels stay.

    Groups that no convolution takes are left alone, and those that a `skipped` layer takes, or the
    `last` convolution. ValueError with FILE:LINE where none is left.
    """
    layers = asked.layers()
    convolutions = [name for name, layer in layers if isinstance(layer, nn.Conv2d)]
    alone = {*skipped, *(convolutions[-1:] if last else ())}
    found: dict[str, int] = {}
    for group in channels_of(asked.subject).groups:
        takers = {place.layer for place in group.places if place.role == "takes"}
        if takers & set(convolutions) and not takers & alone:
            found[group.name] = kept(group.width)
    if not found:
        asked.command.refuse("learner", f"{asked.subject.name} has no channels that it would take")
    return found
