"""What each layer is asked for: the same but for the ends, or the bits that a policy says."""

import pytest

from compression.quantizers.activations import PactActivations, RangeActivations
from compression.quantizers.asking import by_policy, policy_of, uniformly
from compression.quantizers.place import Asked
from compression.quantizers.weights import (
    AnyWeights,
    CodebookWeights,
    LearnedWeights,
    RangeWeights,
    TernaryWeights,
)
from proxyless_nas import hand_made
from proxyless_nas.bits import FLOAT_BITS, Bits, Policy, uniform, with_bits

LAYERS = hand_made("smoke").layers()
NAMES = list(dict.fromkeys(layer.name for layer in with_bits(LAYERS)))
BOTH = Asked(weights=LearnedWeights(bits=3), activations=PactActivations(bits=2))


def policy(bits: dict[int, Bits], rest: Bits) -> Policy:
    return Policy("some", {name: bits.get(at, rest) for at, name in enumerate(NAMES)})


def test_the_ends_have_bits_of_their_own() -> None:
    inner = dict.fromkeys(NAMES[1:-1], BOTH)
    eight = Asked(weights=RangeWeights(bits=8), activations=RangeActivations(bits=8))
    assert uniformly(BOTH, NAMES, 8) == {NAMES[0]: eight, **inner, NAMES[-1]: eight}
    assert uniformly(BOTH, NAMES, "float") == inner
    assert uniformly(BOTH, NAMES, "same") == dict.fromkeys(NAMES, BOTH)
    alone = Asked(weights=BOTH.weights)
    assert uniformly(alone, NAMES, 5)[NAMES[0]] == Asked(weights=RangeWeights(bits=5))
    with pytest.raises(ValueError, match="everything stays in float"):
        uniformly(BOTH, NAMES[:2], "float")


def test_a_policy_is_what_comes_out_again() -> None:
    whole = Bits(FLOAT_BITS, FLOAT_BITS)
    asked = policy({0: Bits(8, 8), 1: Bits(FLOAT_BITS, 5), 2: Bits(3, FLOAT_BITS)}, whole)
    kinds = RangeWeights(per="tensor"), RangeActivations(symmetric=True)
    found = by_policy(asked, *kinds)
    assert list(found) == NAMES[:3] and policy_of(found, LAYERS, "some") == asked
    assert found[NAMES[1]] == Asked(activations=RangeActivations(symmetric=True, bits=5))
    assert found[NAMES[2]] == Asked(weights=RangeWeights(per="tensor", bits=3))


def test_a_kind_may_be_left_out_where_the_policy_leaves_all_of_it_in_float() -> None:
    weights_alone = policy({}, Bits(4, FLOAT_BITS))
    found = by_policy(weights_alone, CodebookWeights(), None)
    assert found == dict.fromkeys(NAMES, Asked(weights=CodebookWeights(bits=4)))
    flowing_alone = policy({}, Bits(FLOAT_BITS, 4))
    assert by_policy(flowing_alone, None, PactActivations())[NAMES[0]].weights is None


@pytest.mark.parametrize(
    ("bits", "weights", "message"),
    [
        (Bits(4, 6), RangeWeights(), "its activations have 6 bits: say with `activations` how"),
        (Bits(4, FLOAT_BITS), TernaryWeights(), "ternary weights take 2 bits, not 4"),
        (Bits(4, FLOAT_BITS), None, "its weights have 4 bits: say with `weights` how"),
    ],
)
def test_what_a_policy_asks_and_no_kind_can_do_is_told_with_the_layer(
    bits: Bits, weights: AnyWeights | None, message: str
) -> None:
    one = policy({2: bits}, Bits(2 if weights else FLOAT_BITS, FLOAT_BITS))
    with pytest.raises(ValueError, match=f"{NAMES[2]}: {message}"):
        by_policy(one, weights, None)


def test_a_policy_that_leaves_everything_in_float_is_refused() -> None:
    nothing = uniform(LAYERS, Bits(FLOAT_BITS, FLOAT_BITS))
    with pytest.raises(ValueError, match="everything stays in float"):
        by_policy(nothing, RangeWeights(), RangeActivations())
