"""What a search for bits has found: files and a table."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from proxyless_nas.bits import FLOAT_BITS
from proxyless_nas.files import write_bytes
from search.precision.config import HaqConfig
from training.evaluate import Evaluation

BITS, TUNE = "bits.json", "tune.yaml"


class FoundBits(Struct, frozen=True, forbid_unknown_fields=True):
    """found.json: what one budget has led to.

    `searched` is the divergence and accuracy on the images of the search, which flatter; `test` the
    score on test images, which chose nothing. `seconds` are those of the search for this budget,
    `probing_seconds` those that all budgets share.
    """

    strategy: str
    budget: float
    cost: float
    most_bits: float
    """What the most bits everywhere cost."""
    unit: str
    probed: int
    """Networks judged by a few images for all budgets together."""
    judged: int
    seconds: float
    probing_seconds: float
    searched: tuple[float, float]
    test: Evaluation
    float_searched: float
    float_test: Evaluation
    """The same of the network in float."""


def write_tuning(config: HaqConfig, folder: Path) -> None:
    """Beside the bits a recipe that a training takes, under which the network learns with them."""
    _, activations = config.bits
    both = activations != (FLOAT_BITS,)
    lines = [
        f"# python main.py --arch {config.arch} --weights WEIGHTS --compress {folder / TUNE}",
        "steps:",
        "  - do: quantize",
        f"    policy: {folder / BITS}",
        f"    weights: {{by: {'codebook' if config.levels == 'codebook' else 'lsq'}}}",
        *(["    activations: {by: lsq}"] if both else []),
    ]
    write_bytes(folder / TUNE, ("\n".join(lines) + "\n").encode())


def told(front: Sequence[FoundBits]) -> str:
    """A line per budget."""
    lines = [f"{'budget':>12}{'cost':>12}{'of the most':>13}{'judged':>8}{'seconds':>9}"
             f"{'KL':>9}{'search':>9}{'test':>9}"]  # fmt: skip
    for one in front:
        loss, accuracy = one.searched
        lines.append(
            f"{one.budget:>12.5g}{one.cost:>12.5g}{one.cost / one.most_bits:>13.3f}"
            f"{one.judged:>8}{one.seconds:>9.1f}{loss:>9.4f}{accuracy:>9.2%}{one.test.top1:>9.2%}"
        )
    first = front[0]
    if first.probing_seconds:
        judged = f": {first.probed} networks judged by a few images" if first.probed else ""
        lines.append(
            f"what each layer loses alone took {first.probing_seconds:.1f} s, once for all "
            f"budgets{judged}"
        )
    lines += [
        f"{'in float':>54}{first.float_searched:>18.2%}{first.float_test.top1:>9.2%}",
        f"{first.strategy}, {first.unit}; KL and `search`: divergence and accuracy on images of "
        f"the search; `test`: {first.test.images:,} images that chose nothing",
    ]
    return "\n".join(lines)
