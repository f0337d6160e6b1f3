"""Intervals from leaving one size out."""

import dataclasses
import math

import numpy as np
import pytest

from allometry.laws.estimates import interval
from allometry.laws.intrinsic.clean import points
from allometry.laws.intrinsic.estimate import search
from allometry.laws.intrinsic.law import Intrinsic
from allometry.laws.intrinsic.leave_one_out import leave_one_size_out, objective_of
from allometry.laws.intrinsic.simulate import SCENARIOS, simulate
from allometry.laws.jackknife import QUANTILE, standard_error


def test_standard_error_of_a_mean_is_the_textbooks():
    sample = np.random.default_rng(0).normal(size=9)
    means = np.array([np.delete(sample, i).mean() for i in range(9)])
    assert standard_error(means) == pytest.approx(np.std(sample, ddof=1) / 3)
    assert math.isnan(standard_error(means[:1]))


def test_log_interval_is_the_natural_one_of_the_logarithm():
    replicates = np.array([1.0, 2.0, 1.5])
    natural = interval(math.log(1.4), np.log(replicates), "1", log=False)
    log = interval(1.4, replicates, "1", log=True)
    assert (math.log(log.low), math.log(log.high)) == pytest.approx(
        (natural.low, natural.high)
    )
    half = QUANTILE * standard_error(np.log(replicates))
    assert natural.high - natural.value == pytest.approx(half)


def test_replicate_is_the_fit_without_that_size():
    table = simulate(SCENARIOS["base"], np.random.default_rng(0))
    whole = points(table)
    objective = objective_of(whole)
    replicates = leave_one_size_out(whole, objective, search(objective).best)
    assert [replicate.left_out for replicate in replicates] == list(whole.sizes)
    kept = whole.group != 3
    alone = objective_of(whole, kept)
    law = alone.law(search(alone).best.theta, whole.kappa)
    refit = Intrinsic(**replicates[3].parameters)
    assert refit.size_exponent == pytest.approx(law.size_exponent, abs=1e-3)
    assert math.log(refit.N_c) == pytest.approx(math.log(law.N_c), abs=0.02)


def test_kappa_of_a_replicate_leaves_that_sizes_runs_out():
    table = simulate(SCENARIOS["base"], np.random.default_rng(0))
    whole = points(table)
    kappas = np.where(whole.kappa_group < 4, 49.0, 51.0)
    whole = dataclasses.replace(whole, kappa_of_runs=kappas)
    objective = objective_of(whole)
    replicates = leave_one_size_out(whole, objective, search(objective).best)
    refitted = [replicate.parameters["kappa"] for replicate in replicates]
    assert refitted == [51.0] * 4 + [49.0] * 4
