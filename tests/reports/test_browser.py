"""The page in a real browser: everything drawn, nothing fetched, no error."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from allometry import laws
from allometry.cli.report import write_page
from allometry.laws.form.registry import forms
from allometry.laws.parametric.simulate import Grid, Noise, simulate
from allometry.reports import form
from tests.reports import adapting

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        sentence = (
            "No Chromium is on the path: install Debian's `chromium` to test pages."
        )
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(sentence)
        pytest.skip(sentence)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


def two_term() -> laws.Fit:
    """Fit losses of eight sizes: a legend of eight names."""
    truth = {"E": 0.5, "A": 60.0, "alpha": 0.4, "B": 300.0, "beta": 0.42}
    sizes = tuple(np.geomspace(1e3, 1e10, 8))
    grid = Grid({"parameters": sizes}, {"data": (1e4, 1e9)}, 12, 2)
    noise = Noise(luck=0.02, noise=0.02)
    luck = np.random.default_rng(0)
    return laws.fit("two-term", simulate(forms["two-term"], truth, grid, noise, luck))


def of_adaptation(folder: Path) -> str:
    """Write the page of a study without a law, whose agents adapt."""
    store = adapting.write(folder / "adaptation").store
    path = write_page(store, [], None, "The study asks for no law.")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files(base, refused, horizons, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    hostile = {
        "title": '<img src="x:" onerror="window.harmed=1">',
        "description": "$x$",
    }
    pages = {
        "base": base.page(),
        "refused": refused.page(),
        "horizons": horizons.page(),
        "hostile": base.page(**hostile),
        "form": form.render(two_term(), title="Losses", command=""),
        "adaptation": of_adaptation(folder),
    }
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


class Visit:
    """A page opened without a network, with all that it said and asked for."""

    def __init__(self, browser, path: Path, scheme: str, width: int):
        self.said: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 800}
        )
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.route("http*://**", lambda route: route.abort())
        self.page.goto(path.as_uri())
        self.page.evaluate(
            "for (const d of document.querySelectorAll('details')) d.open = true"
        )
        self.until(
            "[...document.querySelectorAll('.plot')]"
            ".every(plot => plot.querySelector('.main-svg'))"
        )

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def until(self, condition: str) -> None:
        """Wait for a condition; Playwright's own wait needs `eval` in the page."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"This never became true: {condition}")

    def count(self, script: str) -> list:
        return self.page.evaluate(
            f"[...document.querySelectorAll('.plot')].map(plot => {script})"
        )


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [
        ("base", "light", 1000),
        ("base", "dark", 360),
        ("refused", "light", 360),
        ("horizons", "dark", 1000),
        ("horizons", "light", 360),
        ("adaptation", "dark", 360),
        ("adaptation", "light", 1000),
    ],
)
def test_the_page_is_drawn_without_error_or_network(
    browser, files, name, scheme, width
):
    with Visit(browser, files[name], scheme, width) as visit:
        traces = visit.count("plot.querySelectorAll('.scatterlayer .trace').length")
        assert len(traces) >= 5
        assert min(traces) >= 2
        drawn = visit.count("plot.querySelector('.main-svg').clientWidth")
        assert min(drawn) > 0.75 * min(width, 832)  # also what was folded away
        lines = visit.count("plot.querySelectorAll('path.js-line, path.point').length")
        assert min(lines) >= 2
        for axis in ("x", "y"):
            titles = visit.count(f"plot.querySelectorAll('.{axis}title').length")
            forests = visit.count("plot.layout.meta?.rows === true")
            for title, forest in zip(titles, forests, strict=True):
                # A forest has names for an axis; panels share theirs, as a note.
                shared = forest and (axis == "y" or name == "adaptation")
                assert title == 1 or shared
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.said == []
        assert visit.asked == [files[name].as_uri()]


#: Counts what Plotly's button covers, or pushes out of its figure.
COVERED = """(() => {
  const button = plot.querySelector('.modebar-btn').getBoundingClientRect();
  const figure = plot.getBoundingClientRect();
  const apart = (a, b) =>
    a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const texts = '.legendtext, .xtitle, .ytitle, .xtick text, .ytick text, .point';
  return [...plot.querySelectorAll(texts)].filter(
    text => !apart(text.getBoundingClientRect(), button)
  ).length + (button.width > 0 && button.bottom <= figure.bottom ? 0 : 1000);
})()"""


@pytest.mark.parametrize("width", [360, 1000])
@pytest.mark.parametrize("name", ["base", "horizons", "form", "adaptation"])
def test_the_button_that_saves_a_figure_covers_nothing(browser, files, name, width):
    with Visit(browser, files[name], "light", width) as visit:
        assert set(visit.count(COVERED)) == {0}


def test_figures_follow_the_theme_when_it_changes(browser, files):
    colour = "getComputedStyle(plot.querySelector('.xtitle')).fill"
    with Visit(browser, files["base"], "light", 1000) as visit:
        assert set(visit.count(colour)) == {"rgb(29, 32, 39)"}
        visit.page.emulate_media(color_scheme="dark")
        visit.until(
            "getComputedStyle(document.querySelector('.xtitle')).fill"
            " === 'rgb(236, 234, 228)'"
        )
        assert set(visit.count(colour)) == {"rgb(236, 234, 228)"}
        paper = "getComputedStyle(document.body).backgroundColor"
        assert visit.page.evaluate(paper) == "rgb(20, 22, 26)"


def test_hostile_names_do_nothing(browser, files):
    with Visit(browser, files["hostile"], "light", 1000) as visit:
        assert visit.page.evaluate("window.harmed") is None
        assert visit.page.evaluate("document.querySelectorAll('img').length") == 0
        assert "<img" in visit.page.inner_text("h1")
        assert visit.asked == [files["hostile"].as_uri()]


def test_the_policy_blocks_a_request_that_somebody_adds(browser, files):
    with Visit(browser, files["base"], "light", 1000) as visit:
        blocked = visit.page.evaluate(
            "fetch('https://example.org/').then(() => 'sent', () => 'blocked')"
        )
        assert blocked == "blocked"
        assert "Content Security Policy" in " ".join(visit.said)
