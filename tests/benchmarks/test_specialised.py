"""The published networks beside each other: a row each, ratios to the one for GPUs."""

import pytest

from benchmarks.specialised import NAMES, SpecialisedConfig, main


@pytest.mark.slow
def test_every_network_has_a_time_and_a_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    main(SpecialisedConfig(runtime="eager", side=32, batch=1, visits=4, visit_ms=1.0))
    said = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in said.splitlines() if line.startswith(NAMES)}
    assert list(rows) == list(NAMES)
    times = {name: float(row[1]) for name, row in rows.items()}
    assert rows["proxyless_gpu"][2] == "1.00" and min(times.values()) > 0
    for name, row in rows.items():
        assert float(row[2]) == pytest.approx(times[name] / times["proxyless_gpu"], rel=0.5)
