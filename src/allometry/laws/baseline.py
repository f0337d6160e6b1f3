"""Baselines: what a forecast must beat to be worth making."""

from collections.abc import Callable

import numpy as np

from allometry.laws.arrays import Array

#: The last stretch below the cut whose mean is the last value, as a share in log x.
_LAST = 0.1


def last_value(
    x: Array, y: Array, setting: np.ndarray, there: np.ndarray, *, log: bool
) -> Array:
    """Predict that nothing changes: each setting stays at its last value.

    `x`, `y`, `setting` are what was seen, `[n]`; `there` the settings to predict,
    `[m]`. A setting that was never seen gets the mean of all. The last value is the
    mean (of logarithms with `log`) over the last tenth of a setting's range in log x.
    """
    scale = np.log(y) if log else y
    ends = {}
    for one in np.unique(setting):
        mine = setting == one
        log_x = np.log(x[mine])
        late = log_x >= log_x.max() - _LAST * np.ptp(log_x)
        ends[one] = float(scale[mine][late].mean())
    usual = float(np.mean(list(ends.values())))
    said = np.array([ends.get(one, usual) for one in there])
    return np.asarray(np.exp(said) if log else said)


def per_setting(
    said: Array,
    seen: np.ndarray,
    there: np.ndarray,
    fitted: Callable[[np.ndarray, np.ndarray], Array],
) -> Array:
    """Predict each setting by a law of its own, and as `said` where there is none.

    `seen` `[n]` and `there` `[m]` are the settings below and above the cut, `said`
    `[m]` the last values. `fitted` takes which rows of either are a setting's, and
    gives its predictions; one that is not finite falls back too.
    """
    found = said.copy()
    for one in np.unique(there):
        below, above = seen == one, there == one
        value = fitted(below, above) if below.any() else said[above]
        found[above] = np.where(np.isfinite(value), value, said[above])
    return found
