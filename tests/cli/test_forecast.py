import pytest


@pytest.fixture(scope="module")
def folder(stores, tmp_path_factory):
    return stores.simulated(tmp_path_factory.mktemp("forecast") / "store").path


def test_a_compute_is_answered_from_the_law_which_is_fitted_first(allometry, folder):
    assert not (folder / "fit.json").exists()
    outcome = allometry("forecast", folder, "--compute", "1e12")
    assert outcome.code == 0
    assert "1e+12" in outcome.out
    assert "best size" in outcome.out
    assert "interactions" in outcome.out
    assert "Warning" not in outcome.out
    stored = (folder / "fit.json").read_bytes()
    again = allometry("forecast", folder / "fit.json", "--compute", "1e12")
    assert again.out == outcome.out
    assert (folder / "fit.json").read_bytes() == stored


def test_far_beyond_the_data_it_warns(allometry, folder):
    outcome = allometry("forecast", folder, "--compute", "1e18")
    assert outcome.code == 0
    assert "Warning: " in outcome.out
    assert "times" in outcome.said


def test_a_performance_goes_through_the_natural_metric(allometry, folder):
    outcome = allometry("forecast", folder, "--performance", "0.9")
    assert outcome.code == 0
    assert "compute" in outcome.out
    assert "0.9" in outcome.out


def test_without_a_natural_metric_a_performance_is_refused(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s", law={"performance": "accuracy"}).path
    assert allometry("forecast", path, "--compute", "1e12").code == 0
    outcome = allometry("forecast", path, "--performance", "0.9")
    assert outcome.code == 2
    assert "natural metric" in outcome.said


@pytest.mark.parametrize("kappa", ["0", "-6", "nan", "inf"])
def test_a_kappa_that_is_none_is_refused(allometry, folder, kappa):
    said = f"--kappa is {float(kappa):g}: give the FLOPs per parameter and datum"
    words = ["--compute", "1e12", "--kappa", kappa]
    allometry("forecast", folder, *words).refuses(said, "above 0 such as 6")


def test_of_several_laws_one_has_to_be_named(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s", by_horizon=True).path
    outcome = allometry("forecast", path, "--compute", "1e12")
    assert outcome.code == 2
    assert "holds several laws; name one of its files:" in outcome.said
    one = path / "fit-horizon-4.json"
    assert str(one) in outcome.said
    assert allometry("forecast", one, "--compute", "1e12").code == 0
