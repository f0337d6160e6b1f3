"""Tests of `allometry compact`."""

from allometry.curves.store import open_store


def test_a_finished_study_is_folded_once(allometry, stores, tmp_path):
    store = stores.simulated(tmp_path / "s")
    before = stores.deterministic(store)
    said = allometry("compact", store.path, "--json").document
    bundles = len(store.bundles)
    assert said == {
        "store": str(store.path),
        "folded": bundles,
        "covered": bundles,
        "rows": {"curves": len(before["curves.run"]), "scores": 0, "lineage": 0},
    }
    assert stores.deterministic(open_store(store.path)) == before
    again = allometry("compact", store.path)
    assert again.out.startswith(f"0 bundles folded; {bundles} are compacted")


def test_a_law_is_fitted_alike_before_and_after(allometry, stores, tmp_path):
    store = stores.simulated(tmp_path / "s")
    before = allometry("fit", store.path, "--json").document
    allometry("compact", store.path, "--drop-checkpoints")
    assert allometry("fit", store.path, "--json").document == before


def test_a_folder_that_is_no_study_is_refused(allometry, tmp_path):
    allometry("compact", tmp_path).refuses(str(tmp_path), "allometry run")
