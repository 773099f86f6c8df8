"""Learning-rate schedules: pure functions of the step."""

import math


def warmup_cosine(step: int, steps: int, warmup: int) -> float:
    """Factor of the peak learning rate at `step` of `steps`.

    Rises linearly over the first `warmup` steps, then falls as half a cosine to zero
    (Loshchilov and Hutter 2017).
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
