"""The few statistics that tables and checks need: spread, error, rank agreement."""

from collections.abc import Sequence

import numpy as np

Numbers = Sequence[float] | np.ndarray

# Student's t, two-sided 95 %, for 1, 2, ... degrees of freedom.
STUDENT_T = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
             2.201, 2.179, 2.160, 2.145, 2.131)  # fmt: skip
NORMAL = 1.96
NOTHING_LEARNED_BELOW = 4  # visits: the lower half of fewer has no spread


def p10(values: Numbers) -> float:
    """The 10 % quantile: near the undisturbed value, and no single lucky call decides it."""
    return float(np.percentile(values, 10))


def half_width(values: Numbers) -> float:
    """95 % half-width of the mean of the lower half of `values`, relative to that mean.

    Disturbances only ever add time, so the upper half says more about the neighbours than about
    the item. Student's t; infinite for fewer than four values.
    """
    if len(values) < NOTHING_LEARNED_BELOW:
        return float("inf")
    lower = np.sort(np.asarray(values, dtype=float))[: (len(values) + 1) // 2]
    freedom = len(lower) - 1
    t = STUDENT_T[freedom - 1] if freedom <= len(STUDENT_T) else NORMAL
    return float(t * lower.std(ddof=1) / np.sqrt(len(lower)) / lower.mean())


def variation(values: Numbers) -> float:
    """Standard deviation over mean; 0 for fewer than two values."""
    return float(np.std(values, ddof=1) / np.mean(values)) if len(values) > 1 else 0.0


def mape(predicted: Numbers, truth: Numbers) -> float:
    """Mean absolute relative error."""
    return float(np.mean(np.abs(np.asarray(predicted) / np.asarray(truth) - 1)))


def bias(predicted: Numbers, truth: Numbers) -> float:
    """Mean relative error; negative where predictions are too low."""
    return float(np.mean(np.asarray(predicted) / np.asarray(truth) - 1))


def rmse(predicted: Numbers, truth: Numbers) -> float:
    """Root mean squared error, in the unit of the values."""
    return float(np.sqrt(np.mean((np.asarray(predicted) - np.asarray(truth)) ** 2)))


def ranks(values: Numbers) -> np.ndarray:
    """The place of each value in ascending order, from 0; equal values share their mean place."""
    array = np.asarray(values, dtype=float)
    below = (array[None, :] < array[:, None]).sum(axis=1)
    equal = (array[None, :] == array[:, None]).sum(axis=1)
    return below + (equal - 1) / 2


def spearman(first: Numbers, second: Numbers) -> float:
    """Rank correlation; ties get their mean rank. 0 where one side is constant."""
    a, b = ranks(first), ranks(second)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def kendall(first: Numbers, second: Numbers) -> float:
    """Kendall's tau-b: agreeing minus disagreeing pairs, ties corrected. 0 if one is constant."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    upper = np.triu_indices(len(a), 1)
    x = np.sign(a[:, None] - a[None, :])[upper]
    y = np.sign(b[:, None] - b[None, :])[upper]
    norm = np.sqrt(np.abs(x).sum() * np.abs(y).sum())
    return float((x * y).sum() / norm) if norm else 0.0


def relative_least_squares(
    columns: Sequence[Numbers],
    truth: Numbers,
    beliefs: Sequence[tuple[Sequence[float], float]] = (),
) -> list[float]:
    """Coefficients k that minimise the sum of (sum_i k_i column_i / truth - 1)^2.

    A belief (row, value) adds (sum_i k_i row_i - value)^2 to that sum.
    """
    matrix = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    matrix = matrix / np.asarray(truth, dtype=float)[:, None]
    wanted = np.ones(len(matrix))
    if beliefs:
        matrix = np.concatenate([matrix, [row for row, _ in beliefs]])
        wanted = np.concatenate([wanted, [value for _, value in beliefs]])
    scale = np.linalg.norm(matrix, axis=0)
    scale = np.where(scale == 0, 1.0, scale)
    solution = np.linalg.lstsq(matrix / scale, wanted, rcond=None)[0]
    return [float(value) for value in solution / scale]
