"""Begin weights as a file asks for it, in the words of TensorFlow's initializers."""

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from proxyless_nas.described.values import Values, number
from proxyless_nas.language.values import Map

Begin = Callable[[Tensor], Any]
KNOWN = ("truncated_normal", "random_normal", "random_uniform", "variance_scaling", "xavier",
         "zeros", "ones", "constant")  # fmt: skip


def last_name(value: Any) -> Any:
    """`tensorflow.nn.relu` is relu; what is no word stays."""
    return value.rpartition(".")[2] if isinstance(value, str) else value


def beginner(values: Values, key: str) -> Begin | None:
    """What fills a tensor, in place; None where the key asks for nothing.

    ValueError for an initializer that is not known here.
    """
    given = values.raw(key)
    if given is None:
        return None
    own = given if isinstance(given, Map) else Map()
    kind = last_name(own.get("type") if isinstance(given, Map) else given)
    kind = str(kind).removesuffix("_initializer")

    def read(name: str, default: float) -> float:
        try:
            return number(own.get(name, default))
        except TypeError:
            values.refuse(key, f"{name}: {own[name]!r} is no number")

    mean, deviation = read("mean", 0.0), read("stddev", 1.0)
    match kind:
        case "truncated_normal":
            return lambda x: nn.init.trunc_normal_(
                x, mean, deviation, mean - 2 * deviation, mean + 2 * deviation
            )
        case "random_normal":
            return lambda x: nn.init.normal_(x, mean, deviation)
        case "random_uniform":
            low, high = read("minval", 0.0), read("maxval", 1.0)
            return lambda x: nn.init.uniform_(x, low, high)
        case "variance_scaling":
            factor = read("factor", read("scale", 2.0))
            return lambda x: nn.init.kaiming_normal_(x).mul_(math.sqrt(factor / 2))
        case "xavier" | "glorot_uniform":
            return nn.init.xavier_uniform_
        case "zeros":
            return nn.init.zeros_
        case "ones":
            return nn.init.ones_
        case "constant":
            level = read("value", 0.0)
            return lambda x: nn.init.constant_(x, level)
    values.refuse(key, f"{kind!r} begins no weights here: {', '.join(KNOWN)}")
