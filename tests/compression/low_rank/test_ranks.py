"""Laws of ranks: the least that is enough, and signals told from noise."""

import pytest
import torch

from compression.low_rank import Energy, Evbmf, Share, signals
from compression.low_rank.evbmf import free_energy, threshold


def planted(rows: int, columns: int, rank: int, noise: float, seed: int = 0) -> torch.Tensor:
    """[rows, columns] of a rank, each direction about as long, and normal noise."""
    chance = torch.Generator().manual_seed(seed)
    left, right, rest = (
        torch.randn(*size, generator=chance, dtype=torch.float64)
        for size in ((rows, rank), (rank, columns), (rows, columns))
    )
    return left @ right + noise * rest


def values_of(matrix: torch.Tensor) -> tuple[torch.Tensor, int]:
    return torch.linalg.svdvals(matrix), max(matrix.shape)


@pytest.mark.parametrize(
    "keep, rank",
    [(0.1, 1), (9 / 14, 1), (0.65, 2), (13 / 14, 2), (0.93, 3), (0.999, 3), (1.0, 3)],
)
def test_the_least_rank_that_keeps_the_energy(keep: float, rank: int) -> None:
    assert Energy(keep=keep).of(torch.tensor([3.0, 2.0, 1.0]), 7) == rank


def test_shares_are_rounded_up_and_ranks_to_multiples_as_far_as_there_are_any() -> None:
    values = torch.ones(30)
    assert [Share(share=share).of(values, 40) for share in (0.01, 0.1, 0.11, 0.5, 1.0)] == [
        1, 3, 4, 15, 30,
    ]  # fmt: skip
    assert [Share(share=s, multiple=8).of(values, 40) for s in (0.01, 0.3, 0.8, 0.9)] == [
        8, 16, 24, 30,
    ]  # fmt: skip


@pytest.mark.parametrize("rows, columns, rank", [(64, 64, 10), (100, 150, 12), (400, 40, 7)])
@pytest.mark.parametrize("noise", [1e-3, 0.1, 1.0])
def test_directions_that_were_planted_are_found_in_noise(
    rows: int, columns: int, rank: int, noise: float
) -> None:
    for seed in range(3):
        values, longer = values_of(planted(rows, columns, rank, noise, seed))
        assert signals(values, longer) == rank
        assert signals(1e3 * values, longer) == rank
        assert Evbmf(multiple=8).of(values, longer) == -(-rank // 8) * 8


def test_where_there_is_only_noise_there_is_no_signal() -> None:
    for seed in range(5):
        values, longer = values_of(planted(50, 120, 0, 1.0, seed))
        assert signals(values, longer) == 0
        assert Evbmf().of(values, longer) == 1


def test_what_noise_hides_is_not_found() -> None:
    """A direction is seen from gamma^2 = x sigma^2 M on, x = (1 + tau)(1 + alpha / tau)."""
    rows, columns = 100, 200
    alpha = rows / columns
    tau = threshold(alpha)
    edge = ((1 + tau) * (1 + alpha / tau) * columns) ** 0.5
    noise, _ = values_of(planted(rows, columns, 0, 1.0))
    assert float(noise[0]) < edge
    for factor, found in ((0.98, 0), (1.02, 1)):
        values = torch.cat([torch.tensor([factor * edge]), noise[1:]])
        assert signals(values, columns) == found


def test_a_matrix_without_noise_keeps_its_rank() -> None:
    values, longer = values_of(planted(40, 60, 6, 0.0))
    assert signals(values, longer) == 6


def test_the_threshold_is_the_zero_that_the_paper_names() -> None:
    assert threshold(1.0) == pytest.approx(2.5129, abs=1e-4)
    for alpha in (0.1, 0.3, 0.7):
        assert threshold(alpha) == pytest.approx(2.5129 * alpha**0.5, rel=0.05)


@pytest.mark.parametrize("wrong", [0.0, -1.0, 1.5])
def test_shares_beyond_all_and_none_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="keep must lie above 0 and up to 1"):
        Energy(keep=wrong)
    with pytest.raises(ValueError, match="share must lie above 0 and up to 1"):
        Share(share=wrong)
    with pytest.raises(ValueError, match="multiples of 0"):
        Share(share=0.5, multiple=0)


def least_free_energy(gamma: float, rows: int, columns: int) -> float:
    """2 F / M of one direction, sought: a, b are means of its factors, u, v logs of variances.

    The definition, with the best variances of the priors put in, at sigma^2 = 1.
    """
    a, b = (torch.tensor(gamma**0.5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    u, v = (torch.tensor(-3.0, dtype=torch.float64, requires_grad=True) for _ in range(2))
    search = torch.optim.LBFGS([a, b, u, v], max_iter=300, line_search_fn="strong_wolfe")

    def value() -> torch.Tensor:
        of_a, of_b = a**2 / columns + u.exp(), b**2 / rows + v.exp()
        return (
            columns * (of_a.log() - u) + rows * (of_b.log() - v)
            - 2 * a * b * gamma + columns * of_a * rows * of_b
        ) / columns  # fmt: skip

    def closure() -> torch.Tensor:
        search.zero_grad()
        found = value()
        found.backward()
        return found

    search.step(closure)  # pyright: ignore[reportArgumentType]
    return float(value().detach())


@pytest.mark.parametrize("rows, columns", [(30, 60), (50, 50), (8, 200)])
def test_the_free_energy_of_a_signal_is_the_least_of_its_definition(
    rows: int, columns: int
) -> None:
    alpha = rows / columns
    tau = threshold(alpha)
    least = (1 + tau) * (1 + alpha / tau)
    for factor in (1.0, 1.2, 2.0, 5.0):
        x = torch.tensor([factor * least * (1 + 1e-9)], dtype=torch.float64)
        told = free_energy(torch.ones(1, dtype=torch.float64), x, alpha, least) - (x - x.log())
        sought = least_free_energy(float((x * columns).sqrt()), rows, columns)
        assert float(told) == pytest.approx(sought, abs=1e-5)
        assert abs(sought) < 1e-5 if factor == 1.0 else sought < -1e-3
