"""Sensitivity of elements, and the page of an analysis: exact shares, nothing twice, all told."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from compression.selectors import Where
from compression.sensitivity import (
    SHARES,
    Sensitivity,
    Tried,
    analyse_elements,
    csv_of,
)
from compression.sensitivity.page import COLOURS, curves_of, page, write_page
from proxyless_nas import load_network
from proxyless_nas.weights import load_weights
from tests.compression.analysis.commands import parsed, refused, run, small_cifar
from tests.compression.channels.networks import NETWORKS, settle
from tests.shared import shared
from training.evaluate import Evaluation, evaluate

CONVOLUTIONS = Where(type="Conv2d")


class Judge:
    """Remembers the zeros of every weight it is shown, and falls silent after so many times."""

    def __init__(self, most: int = 1000) -> None:
        self.most, self.seen = most, list[dict[str, int]]()

    def __call__(self, network: nn.Module) -> Evaluation:
        if len(self.seen) == self.most:
            raise KeyboardInterrupt
        zeros = {name: int((one == 0).sum()) for name, one in network.named_parameters()}
        self.seen.append(zeros)
        return Evaluation(1 / (1 + sum(zeros.values())), 1.0, float(sum(zeros.values())), 100)


def try_all(
    file: Path, judge: Judge, where: Where = CONVOLUTIONS, images: str = "some"
) -> Sensitivity:
    source, _, _ = NETWORKS["plain"]
    shares = (0.0, 0.001, 0.29, 0.5, 1.0)
    return analyse_elements(settle(source), where, judge, file, images, shares)


def test_each_tensor_alone_loses_its_share_rounded_down(tmp_path: Path) -> None:
    judge = Judge()
    found = try_all(tmp_path / "s.json", judge)
    sizes = {"0.weight": 8 * 3 * 9, "3.weight": 6 * 8 * 9}
    assert [(one.group, one.share, one.gone) for one in found.tried] == [
        (name, share, gone)
        for name, size in sizes.items()
        for share, gone in zip(
            (0.0, 0.001, 0.29, 0.5, 1.0), (0, 0, int(0.29 * size), size // 2, size), strict=True
        )
    ]
    whole, *smaller = judge.seen
    assert not any(whole.values()) and len(smaller) == 6  # nothing that has lost nothing
    for one, zeros in zip([t for t in found.tried if t.gone], smaller, strict=True):
        assert {name: count for name, count in zeros.items() if count} == {one.group: one.gone}
        assert one.score.loss == one.gone
    assert found.of == "elements"
    assert csv_of(found).splitlines()[:2] == [
        "parameter,sparsity,top1,top5,loss",
        "0.weight,0,100.0000,100.0000,0.000000",
    ]


def test_the_smallest_go_first(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    weight = torch.tensor([[4.0, -1, 3, -2], [8, 7, -6, 5]])
    module[1].weight = nn.Parameter(weight.clone())
    kept: list[list[float]] = []

    def judge(network: nn.Module) -> Evaluation:
        kept.append(network.get_parameter("1.weight").flatten().tolist())
        return Evaluation(0.5, 0.5, 0.5, 2)

    analyse_elements(module, Where(), judge, tmp_path / "s.json", "some", (0.25, 0.5))
    assert kept == [
        [4, -1, 3, -2, 8, 7, -6, 5], [4, 0, 3, 0, 8, 7, -6, 5], [0, 0, 0, 0, 8, 7, -6, 5],
    ]  # fmt: skip
    assert torch.equal(module[1].weight.data, weight)


def test_an_interrupted_analysis_goes_on_and_tries_nothing_twice(tmp_path: Path) -> None:
    whole, seen = try_all(tmp_path / "whole.json", Judge()), 0
    found = None
    for most in (1, 3, 3):
        judge = Judge(most)
        try:
            found = try_all(tmp_path / "broken.json", judge)
        except KeyboardInterrupt:
            assert found is None
        seen += len(judge.seen)
    assert found == whole and seen == 7
    again = Judge(0)
    assert len(try_all(tmp_path / "whole.json", again, Where(name="3")).tried) == 5


def test_another_question_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    try_all(file, Judge())
    with pytest.raises(ValueError, match="is of another network, other images"):
        try_all(file, Judge(), images="others")


DISTILLERS = {
    ("stem.conv.weight", 0.5): 91.34, ("stem.conv.weight", 0.9): 75.44,
    ("blocks.2.first.conv.weight", 0.5): 90.95, ("blocks.2.first.conv.weight", 0.9): 53.63,
}  # fmt: skip
"""What Distiller's table says of its ResNet-20 (91.71 % when whole) on 10,000 test images."""


@pytest.mark.slow
def test_distillers_network_is_as_sensitive_as_distiller_found_it(tmp_path: Path) -> None:
    """On 1,017 of the test images; three standard errors are up to 4.7 points."""
    network = load_network("resnet20_cifar")
    load_weights(network, shared("data/distiller/resnet20_cifar10_dense.pth.tar"))
    data = np.load(shared("data/cifar10_lossless_6102.npz"))
    x = (torch.from_numpy(data["x_test"]) / 255 - 0.5) / 0.5
    y = torch.from_numpy(data["y_test"])

    def judge(module: nn.Module) -> Evaluation:
        return evaluate(module, zip(x.split(128), y.split(128), strict=True))

    where = Where(name=("stem.conv", "blocks.2.first.conv"))
    found = analyse_elements(network, where, judge, tmp_path / "s.json", "test", (0.5, 0.9))
    assert found.whole.right == 937
    for one in found.tried:
        score = DISTILLERS[one.group, one.share] / 100
        noise = (score * (1 - score) / 1017) ** 0.5
        assert one.score.top1 == pytest.approx(score, abs=3 * noise)


def made_up(groups: int, shares: tuple[float, ...] = SHARES) -> Sensitivity:
    """The n-th group loses the more the smaller n is."""
    tried = [
        Tried(f"layer{n % 4}.{n}.conv<{n}>", share, round(100 * share),
              Evaluation(0.9 - 0.7 * share ** (1 + n / 3), 0.99, 1.0, 1000))
        for n in range(groups) for share in shares
    ]  # fmt: skip
    return Sensitivity("d", Evaluation(0.9, 0.99, 0.4, 1000), tuple(tried))


def test_the_page_names_the_steepest_and_tells_all(tmp_path: Path) -> None:
    found = made_up(30)
    mixed = replace(found, tried=tuple(sorted(found.tried, key=lambda one: one.group)))
    names = [f"layer{n % 4}.{n}.conv<{n}>" for n in range(30)]
    assert list(curves_of(mixed)) == names
    write_page(mixed, tmp_path / "s.html")
    whole = parsed((tmp_path / "s.html").read_text())
    wide = next(one for one in whole.iter("div") if one.get("class") == "wide")
    labels = [one.text for one in wide.iter("text") if "label" in one.get("class", "")]
    assert labels == ["whole", *names[: len(COLOURS)]]
    titles = [one.text or "" for one in wide.iter("title")]
    assert sorted(title.partition(":")[0] for title in titles) == sorted(names)
    (cells,) = [[td.text for td in row.iter("td")] for row in whole.iter("tr")][1:2]
    assert cells[0] == names[0] and cells[-1] == f"{100 * (0.9 - 0.7 * 0.9):.2f}"
    assert [row[0].text for row in whole.iter("tr")][1:] == names


def test_shares_that_may_go_are_the_largest_that_cost_so_little() -> None:
    cells = [[td.text for td in row.iter("td")] for row in parsed(page(made_up(6))).iter("tr")][1:]
    allowed = [[int((text or "").split("\N{NO-BREAK SPACE}")[0]) for text in row[1:3]]
               for row in cells]  # fmt: skip
    for n, (little, more) in enumerate(allowed):
        for share, drop in ((little, 0.01), (more, 0.05)):
            lost = [0.7 * (s / 100) ** (1 + n / 3) for s in (share, share + 10)]
            assert lost[0] <= drop + 1e-9 < lost[1]


def test_what_was_tried_in_part_is_drawn_and_nothing_is_not() -> None:
    found = made_up(3)
    parsed(page(replace(found, tried=found.tried[:-4])))
    parsed(page(replace(found, tried=found.tried[:1])))
    with pytest.raises(ValueError, match="nothing has been tried yet"):
        page(replace(found, tried=()))


def test_the_command_writes_what_it_found_and_goes_on(tmp_path: Path) -> None:
    data, out = small_cifar(tmp_path / "cifar.npz"), tmp_path / "out"
    words = ("sensitivity", "--arch", "resnet20_cifar", "--path", data, "--limit", 10, "--out", out)
    few = ("--shares", 0.5, 0.9, "--name", "stem.*", "classifier.*")
    run(*words, *few)
    lines = (out / "sensitivity.csv").read_text().splitlines()
    assert lines[0] == "parameter,sparsity,top1,top5,loss"
    assert [line.rpartition(",")[0].split(",")[:2] for line in lines[1:]] == [
        [name, share] for name in ("stem.conv.weight", "stem.bn.weight", "classifier.linear.weight")
        for share in ("0.5", "0.9")
    ]  # fmt: skip
    before = (out / "sensitivity.json").read_bytes()
    run(*words, *few)
    assert (out / "sensitivity.json").read_bytes() == before
    assert "other images" in refused(*words, *few, "--seed", 1)
    assert "did you mean stem.conv?" in refused(*words, "--name", "stem.cnov")
