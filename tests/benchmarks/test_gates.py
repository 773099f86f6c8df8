"""The comparison of skipping: a row per density, each beside the dense layer or network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_density_has_a_time_its_work_and_a_ratio() -> None:
    words = ["-m", "benchmarks.gates", "resnet20_cifar", "--visits", "4", "--visit-ms", "1"]
    words += ["--spread-s", "0"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(
        r"^(\S.*?) +([.\d]+) +([.\d]+)%  ([.\d]+) \(([.\d]+) to ([.\d]+)\)$", done.stdout, re.M
    )
    rows = [(name, *map(float, numbers)) for name, *numbers in found]
    assert len(rows) == 2 * 8
    for layer in (rows[:8], rows[8:]):
        shares = {name: share for name, _, share, *_ in layer}
        assert shares["skipping at 0.25"] < shares["skipping at 0.5"] < shares["skipping at 1"]
        assert [one[3:] for one in layer if one[0] == "dense, folded"] == [(1.0, 1.0, 1.0)]
        assert all(ms > 0 and 0 < low <= ratio <= high for _, ms, _, ratio, low, high in layer)
    assert dict((name, share) for name, _, share, *_ in rows[:8])["skipping at 0.25"] < 8
