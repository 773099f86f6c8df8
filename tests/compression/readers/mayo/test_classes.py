"""Every overrider of Mayo's runs on a small network, and what it leaves lies where it must."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from compression.readers.mayo.classes import CLASSES, UNTRANSLATED
from compression.steps import OverrideStep
from tests.compression.readers.mayo.tiny import Run, only_note, over, read, recipe_of
from tests.compression.readers.running import PER_EPOCH

Check = Callable[[Run], None]
FIXED = "{type: mayo.override.FixedPointQuantizer, width: 4, point: 0}"
FINE = "{type: mayo.override.FixedPointQuantizer, width: 6, point: 0}"


def whole(x: Tensor) -> bool:
    return torch.equal(x, x.round())


def fixed(width: int, point: int) -> Check:
    """Whole numbers of steps, none beyond the ends, several of them."""

    def check(run: Run) -> None:
        codes = run.left * 2.0 ** (width - point)
        assert whole(codes) and len(codes.unique()) > 3
        assert codes.min() >= -(2 ** (width - 1)) and codes.max() <= 2 ** (width - 1) - 1

    return check


def dynamic(width: int) -> Check:
    """The least point at which nothing of the dense weight, as the epoch found it, overflows."""

    def check(run: Run) -> None:
        dense = run.dense[PER_EPOCH]
        for point in range(-width, width + 1):
            codes = (dense * 2.0 ** (width - point)).round()
            if codes.min() >= -(2 ** (width - 1)) and codes.max() <= 2 ** (width - 1) - 1:
                fixed(width, point)(run)
                return
        raise AssertionError("nothing fits")

    return check


def courbariaux(run: Run) -> None:
    """The point begins at 1 and falls by one at each of two times, since nothing overflows."""
    fixed(8, -1)(run)


def among(*values: float) -> Check:
    def check(run: Run) -> None:
        signed = torch.tensor(sorted({0.0, *values, *(-value for value in values)}))
        nearest = signed[(run.last.reshape(-1, 1) - signed).abs().argmin(dim=1)]
        assert torch.equal(run.left.flatten(), nearest) and len(nearest.unique()) > 3

    return check


def log(run: Run) -> None:
    powers = run.left.abs().log2() * 2
    assert whole(powers) and len(powers.unique()) > 3
    assert torch.equal(run.left.sign(), run.last.sign())


def ternary(run: Run) -> None:
    assert len(run.left.abs().unique()) == 1 and run.left.unique().numel() == 2
    assert torch.equal(run.left.sign(), run.last.sign())


def by_channel(run: Run) -> None:
    sizes = run.left.abs().flatten(1)
    assert torch.equal(sizes.amin(1), sizes.amax(1)) and len(sizes.unique()) > 3


def binary(run: Run) -> None:
    assert torch.equal(run.left, (run.last > 0.05).float()) and 0 < run.left.mean() < 1


def recentred(run: Run) -> None:
    above = run.left[run.last > 0]
    assert whole(above * 128) and whole((above - above[0]) * 16)
    assert not whole(above * 16) and len(above.unique()) > 1


def mixed(run: Run) -> None:
    assert whole(run.left * 64)
    coarse = [whole(row * 4) for row in run.left]
    finer = torch.stack([(row * 64).round() / 64 - row for row in run.last]).abs().amax()
    assert finer <= 1 / 64 and not all(coarse)


def above_mean(run: Run) -> None:
    sizes = run.dense[PER_EPOCH].abs()
    threshold = sizes.mean() + 0.5 * sizes.std(unbiased=False)
    assert torch.equal(run.left != 0, sizes > threshold)


def above_threshold(run: Run) -> None:
    kept = run.dense[PER_EPOCH].abs() > 0.1
    assert torch.equal(run.left != 0, kept) and kept.any() and not kept.all()


def surgery(run: Run) -> None:
    kept = torch.ones_like(run.left, dtype=torch.bool)
    for dense in (run.dense[0], run.dense[PER_EPOCH]):
        sizes = dense.abs()
        threshold = sizes.mean() + 0.25 * sizes.std(unbiased=False)
        kept = (kept | (sizes > 1.2 * threshold)) & (sizes > 0.8 * threshold)
    assert torch.equal(run.left != 0, kept) and kept.any() and not kept.all()


def kernels(run: Run) -> None:
    sums = run.left.abs().sum(dim=(2, 3)).flatten()
    first = run.dense[PER_EPOCH].abs().sum(dim=(2, 3)).flatten()
    gone = int(0.3 * len(sums))
    assert set((sums == 0).nonzero().flatten().tolist()) == set(first.argsort()[:gone].tolist())


def shift(run: Run) -> None:
    """Powers of two from 2^-7 to 1; the middle between two goes up, and half of 2^-7 is 0."""
    size = run.last.abs()
    power = (size / 1.5).log2().ceil().clamp(-7, 0).exp2()
    expected = run.last.sign() * torch.where(size <= 2.0**-8, 0.0, power)
    assert torch.equal(run.left, expected) and len(expected.unique()) > 3


FLOATS = [2.0**e * (1 + k / 4) for e in range(-6, 2) for k in range(4)]
CASES: dict[str, tuple[str, Check]] = {
    "FixedPointQuantizer": ("width: 5, point: 0", fixed(5, 0)),
    "DGQuantizer": ("width: 5, overflow_rate: 0.0", dynamic(5)),
    "CourbariauxQuantizer": ("width: 8, overflow_rate: 0.0", courbariaux),
    "DGTrainableQuantizer": ("overflow_rate: 0.0", dynamic(16)),
    "LogQuantizer": ("width: 5, point: 4", log),
    "FloatingPointQuantizer": ("width: 5, mantissa_width: 2, exponent_bias: 6", among(*FLOATS)),
    "ShiftQuantizer": ("width: 3, bias: 7", shift),
    "TernaryQuantizer": ("base: 0, scale: 0.1", ternary),
    "ChannelTernaryQuantizer": ("base: 0, scale: 0.1", by_channel),
    "ThresholdBinarizer": ("threshold: 0.05", binary),
    "Recentralizer": (
        f"quantizer: {FIXED}, mean_quantizer: {{type: mayo.override.FixedPointQuantizer, width: 8, "
        "point: 1}",
        recentred,
    ),
    "IncrementalQuantizer": (f"quantizer: {FINE}, interval: 0.5, count_zero: false", fixed(6, 0)),
    "MixedQuantizer": (
        f"quantizers: {{a: {FINE}, b: {{type: mayo.override.FixedPointQuantizer, width: 2, "
        "point: 0}}",
        mixed,
    ),
    "MeanStdPruner": ("alpha: 0.5", above_mean),
    "ThresholdPruner": ("threshold: 0.1", above_threshold),
    "DynamicNetworkSurgeryPruner": ("alpha: 0.25, on_factor: 1.2, off_factor: 0.8", surgery),
    "FilterPruner": ("density: 0.3", kernels),
}


NAMES = {"DNSPruner": "DynamicNetworkSurgeryPruner", "FPQuantizer": "FloatingPointQuantizer"}
"""Two classes have two names."""
CASES |= {name: CASES[other] for name, other in NAMES.items()}


def test_every_class_has_a_case() -> None:
    assert CASES.keys() | {"NetworkSlimmer", "LowRankApproximation"} == CLASSES.keys()
    assert not CLASSES.keys() & UNTRANSLATED.keys()


@pytest.mark.parametrize("name", CASES)
def test_what_is_left_lies_where_the_class_says(name: str, tmp_path: Path) -> None:
    args, check = CASES[name]
    text = over(f"{name}, {args}")
    note = only_note(tmp_path, text)
    assert str(note).startswith(f"{tmp_path}/0.yaml:2: one ({name}): ")
    assert note.verdict != "cannot be" and "conv0: " in note.words
    run = Run(recipe_of(tmp_path, text))
    assert not torch.equal(run.last, run.dense[0])
    check(run)


DIFFERS = {
    "FloatingPointQuantizer": "the largest number",
    "ShiftQuantizer": "the largest number",
    "CourbariauxQuantizer": "there it moved away",
    "FilterPruner": "its density is the share that goes, 0.3",
    "DynamicNetworkSurgeryPruner": "there it had no slopes",
    "DGTrainableQuantizer": "16 bits stay",
    "LogQuantizer": "could not run there",
    "TernaryQuantizer": "there only the scale learned",
    "ChannelTernaryQuantizer": "there only the scale learned",
    "ThresholdBinarizer": "within 1 of the threshold",
    "MixedQuantizer": "loses least",
}


DIFFERS |= {name: DIFFERS[other] for name, other in NAMES.items()}


@pytest.mark.parametrize("name", CASES)
def test_what_is_done_differently_here_is_said(name: str, tmp_path: Path) -> None:
    note = only_note(tmp_path, over(f"{name}, {CASES[name][0]}"))
    assert note.verdict == ("differs" if name in DIFFERS else "translated")
    assert DIFFERS.get(name, "") in note.words


def test_by_default_arguments_are_those_of_mayo(tmp_path: Path) -> None:
    chain = [
        step.chain[0]
        for name in ("MeanStdPruner", "DynamicNetworkSurgeryPruner", "TernaryQuantizer")
        for step in recipe_of(tmp_path, over(name)).steps
        if isinstance(step, OverrideStep)
    ]
    told = [(one.__struct_config__.tag, getattr(one, "alpha", None)) for one in chain]
    assert told == [("mean-std", -2), ("surgery", -2), ("ternary", None)]
    assert (chain[1].low, chain[1].high) == (0.9, 1.1)  # type: ignore[union-attr]
    assert (chain[2].base, chain[2].scale) == (1, 1.0)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", UNTRANSLATED)
def test_what_has_no_step_says_why(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, over(name))
    assert found.recipe is None
    (note,) = found.notes
    assert note.verdict == "cannot be" and UNTRANSLATED[name] in note.words


@pytest.mark.parametrize(
    "overrider, key, why",
    [
        ("FixedPointQuantizer, width: 32", "weights", "2 to 24 bits, not 32"),
        ("FloatingPointQuantizer, width: 3, mantissa_width: 3, exponent_bias: 0", "weights",
         "a mantissa has 0 to 2"),
        ("MeanStdPruner", "activation", "no overrider of output"),
        ("ChannelTernaryQuantizer", "activation", "no overrider of output"),
        ("DGQuantizer, width: 8, overflow_rate: 0.0", "gradient.error", "no numbers to choose by"),
        ("LogQuantizer, width: 4, overflow_rate: 0.1", "weights", "give `point`"),
        ("FilterPruner, density: 0.5", "biases", "only weights of convolutions"),
        ("LowRankApproximation, ranks: 8", "weights", "all of the 8 singular values"),
        ("LowRankApproximation", "weights", "1 or more"),
        (f"IncrementalQuantizer, quantizer: {FIXED}, should_update: false", "weights",
         "what a checkpoint says"),
        ("LowRankApproximation, ranks: 2, should_update: false", "weights", "a checkpoint says"),
        ("Recentralizer, quantizer: {type: mayo.override.FixedPointQuantizer, width: 30}",
         "weights", "2 to 24 bits, not 30"),
    ],
)  # fmt: skip
def test_what_cannot_stand_there_is_left_out_with_its_reason(
    overrider: str, key: str, why: str, tmp_path: Path
) -> None:
    layer = "block.point" if overrider.startswith("LowRank") else "conv0"
    found = read(tmp_path, over(overrider, key, layer))
    assert found.recipe is None
    assert found.notes[0].verdict == "cannot be" and why in found.notes[0].words
