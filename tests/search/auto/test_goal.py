"""Laws of goals: what is read, and what a mistake is told."""

import pytest

from search.auto.goal import Bound, read_goal


def test_shares_units_and_points() -> None:
    goal = read_goal("latency=0.5x, bytes=100kB macs=20M accuracy_drop=0.3")
    assert goal.drop == 0.3
    assert goal.bounds == (
        Bound("latency", share=0.5),
        Bound("bytes", most=100_000.0),
        Bound("macs", most=20e6),
    )
    assert goal.bounds[0].limit(4.0) == 2.0 and goal.bounds[1].limit(4.0) == 100_000
    assert read_goal("latency=250us").bounds[0].most == 0.25
    assert read_goal("macs=0.5x").drop == 0.5


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a goal says what the network may cost"),
        ("accuracy_drop=1", "a goal says what the network may cost"),
        ("latency=0.5", "latency is a share like 0.5x, or a number like 1ms"),
        ("latensy=0.5x", r"no goal 'latensy' \(did you mean latency\?\)"),
        ("bytes=2x", "half of it is bytes=0.5x"),
        ("bytes=0x", "above 0"),
        ("macs", "not 'macs'"),
        ("macs=0.5x macs=0.4x", "macs is bounded twice"),
        ("macs=0.5x accuracy_drop=0.5x", "points of accuracy have no unit 'x'"),
        ("macs=0", "nothing costs so little$"),
        ("macs=0.5", "nothing costs so little; a share of what it costs now is macs=0.5x"),
        ("bytes=0.25", "a share of what it costs now is bytes=0.25x"),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_goal(text)
