def test_a_page_is_written_beside_its_law(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    outcome = allometry("report", path)
    assert outcome.code == 0
    assert str(path / "report.html") in outcome.said
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "<title>Simulated" in text
    assert "allometry run simulated" in text
    assert (path / "fit.json").is_file()


def test_a_page_of_several_laws_holds_them_all(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s", by_horizon=True).path
    assert allometry("report", path).code == 0
    text = (path / "report.html").read_text(encoding="utf-8")
    assert "h = 1" in text
    assert "h = 4" in text


def test_a_page_replaces_the_one_before(allometry, stores, tmp_path):
    path = stores.simulated(tmp_path / "s").path
    (path / "report.html").write_text("an old page")
    assert allometry("report", path).code == 0
    assert "an old page" not in (path / "report.html").read_text(encoding="utf-8")
