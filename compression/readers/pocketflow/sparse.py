"""`weight-sparse`: masks that grow by automated gradual pruning."""

from compression.readers.pocketflow.flags import Sparse
from compression.readers.pocketflow.learning import CHECKPOINT, NO_AGENT, OF_AGENT, Asked, Made
from compression.readers.reading import Said
from compression.schedule import When
from compression.selectors import Where
from compression.steps import MaskStep

OF_RATIOS = (
    "ws_nb_rlouts", "ws_nb_rlouts_min", "ws_reward_type", "ws_lrn_rate_rg", "ws_nb_iters_rg",
    "ws_lrn_rate_ft", "ws_nb_iters_ft", "ws_nb_iters_feval",
)  # fmt: skip
DIGITS = 6
BEHIND = 0.6
"""How far behind the last time the next one is cut off: times are rounded to whole steps."""


def weight_sparse(own: Sparse, asked: Asked) -> Made:
    """One step. ValueError with FILE:LINE where its time ends before it begins."""
    epochs = asked.length.epochs
    begin, end = own.ws_iter_ratio_beg * epochs, own.ws_iter_ratio_end * epochs
    if end <= begin:
        asked.command.refuse(
            "ws_iter_ratio_end", f"{own.ws_iter_ratio_end:g} does not come behind "
            f"ws_iter_ratio_beg {own.ws_iter_ratio_beg:g}"
        )  # fmt: skip
    wanted = own.ws_mask_update_step / asked.length.per_epoch
    every = (end - begin) / max(1, round((end - begin) / wanted))
    stop = end + BEHIND * every
    step = MaskStep(
        method={
            "by": "level",
            "share": {
                "curve": "agp",
                "start": 0.0,
                "stop": own.ws_prune_ratio,
                "power": own.ws_prune_ratio_exp,
            },
        },
        ratios="uniform" if own.ws_prune_ratio_prtl == "uniform" else "heuristic",
        where=Where(type=("Conv2d", "Linear"), exclude=_left_alone(own, asked)),
        when=When(
            begin=round(begin, DIGITS),
            end=None if stop > epochs else round(stop, DIGITS),
            every=round(every, DIGITS),
        ),
    )
    goal = f"nonzeros={round(1 - own.ws_prune_ratio, DIGITS):g}x"
    ratios: dict[str, Said] = {
        "uniform": ("translated", "`ratios: uniform`"),
        "heurist": ("translated", "`ratios: heuristic`"),
        "optimal": (
            "differs",
            "`ratios: heuristic` in the place of an agent's; what it looks for is found by "
            f"`{asked.auto(goal, 'sparsity')}`",
        ),
    }
    agent = OF_AGENT if own.ws_prune_ratio_prtl == "optimal" else NO_AGENT
    return Made(
        learner=(
            "differs",
            "`mask`, `level` along `agp`; the optimizer is not reset when a mask changes",
        ),
        steps=(step,),
        said={
            "ws_prune_ratio": ("translated", f"`stop: {own.ws_prune_ratio:g}`"),
            "ws_prune_ratio_exp": ("translated", f"`power: {own.ws_prune_ratio_exp:g}`"),
            "ws_iter_ratio_beg": ("translated", f"`begin: {begin:g}` of {epochs} epochs"),
            "ws_iter_ratio_end": ("translated", f"`end` right behind {end:g} of {epochs} epochs"),
            "ws_mask_update_step": (
                "differs",
                f"`every: {every:.4g}` epochs, so that the last time is at the end; there every "
                f"{wanted:.4g}, at {asked.length.per_epoch:.6g} steps an epoch",
            ),
            "ws_prune_ratio_prtl": ratios[own.ws_prune_ratio_prtl],
            "ws_save_path": CHECKPOINT,
            **dict.fromkeys(OF_RATIOS, agent),
        },
    )


def _left_alone(own: Sparse, asked: Asked) -> tuple[str, ...]:
    """Layers without masks there: of MobileNets the first and the depthwise ones; the ends of a
    network for CIFAR-10 where an agent has the say."""
    layers = asked.layers()
    names = [name for name, _ in layers]
    if asked.length.name.startswith("mobilenet"):
        deep = [name for name, layer in layers if getattr(layer, "groups", 1) > 1]
        return tuple(dict.fromkeys([names[0], *deep]))
    if own.ws_prune_ratio_prtl == "optimal" and asked.length.name.endswith("cifar10"):
        return (names[0], names[-1])
    return ()
