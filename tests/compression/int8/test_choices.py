"""Which layers are tried in float: where that wins most, given that borders are dear."""

from compression.int8.choices import sets_to_try, slower
from compression.int8.graph import Kernel


def kernels(*ms: float) -> dict[str, Kernel]:
    """One per time, named a, b, c, ..."""
    return {name: Kernel(0, one) for name, one in zip("abcdefgh", ms, strict=False)}


def test_a_layer_is_slower_from_a_tenth_on() -> None:
    assert slower(kernels(1.0, 1.0, 1.0), kernels(1.05, 1.2, 0.5)) == ("b",)


def test_nothing_is_tried_where_int8_is_faster_everywhere() -> None:
    assert sets_to_try(kernels(1, 1, 1), kernels(0.5, 0.6, 0.7)) == {}


def test_ends_reach_as_far_as_they_win_together() -> None:
    before, after = kernels(1, 1, 1, 1, 1, 1), kernels(2, 0.5, 1.9, 0.2, 1.5, 1.2)
    sets = sets_to_try(before, after)
    assert sets == {
        "first": ("a",),
        "ends": ("a", "b", "c", "e", "f"),  # b loses less than c wins
        "slower": ("a", "c", "e", "f"),
    }


def test_a_set_is_tried_once_and_never_all_layers() -> None:
    assert sets_to_try(kernels(1, 1, 1), kernels(2, 0.5, 0.5)) == {"first": ("a",)}
    assert sets_to_try(kernels(1, 1, 1), kernels(0.5, 0.5, 3)) == {"ends": ("c",)}
    assert sets_to_try(kernels(1, 1), kernels(2, 2)) == {"first": ("a",)}


def test_a_long_middle_that_is_neither_faster_nor_slower_stays_in_int8() -> None:
    before, after = kernels(1, 1, 1, 1, 1, 1), kernels(2, 1.05, 1.02, 1.05, 1.03, 0.9)
    assert sets_to_try(before, after) == {"first": ("a",)}


def test_layers_that_are_not_in_both_are_left_alone() -> None:
    before, after = kernels(1, 1, 1), {"b": Kernel(1, 9.0), "c": Kernel(1, 0.1)}
    assert sets_to_try(before, after) == {"first": ("b",)}
