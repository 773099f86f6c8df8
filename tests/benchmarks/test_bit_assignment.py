"""The comparison of what assigns bits: a row of times and ratios for each, answers as good."""

import re

import pytest

from benchmarks.bit_assignment import BitsConfig, main


def test_every_row_has_times_and_a_ratio_and_hardly_more_is_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(BitsConfig(instances=2, rounds=2, updates=3))
    rows = [line for line in capsys.readouterr().out.splitlines() if line.count(" to ") >= 3]
    assert [row.split("  ")[0] for row in rows] == [
        "7 widths, by size", "49 pairs, by cycles", "an update of the agent"
    ]  # fmt: skip
    for row in rows:
        numbers = [float(found) for found in re.findall(r"[-.0-9]+(?= \()", row)]
        assert all(number > 0 for number in numbers[:3])
        if len(numbers) > 3:
            assert numbers[3] < 3.0  # percent
