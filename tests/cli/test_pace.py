import pytest

from allometry.cli.pace import WINDOW, Pace, duration


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_nothing_is_said_before_two_reports():
    pace = Pace(Clock())
    assert pace.steps_per_second is None
    pace.report(100, 1.0)
    assert pace.steps_per_second is None
    assert pace.seconds_for(5.0) is None


def test_the_compilation_before_the_first_report_does_not_count():
    clock = Clock()
    pace = Pace(clock)
    clock.now = 60.0
    pace.report(100, 1.0)
    for _ in range(4):
        clock.now += 2.0
        pace.report(100, 1.0)
    assert pace.steps_per_second == pytest.approx(50.0)
    assert pace.seconds_for(10.0) == pytest.approx(20.0)


def test_what_is_long_ago_is_forgotten():
    clock = Clock()
    pace = Pace(clock)
    pace.report(100, 1.0)
    clock.now = 300.0  # a long compilation
    pace.report(100, 1.0)
    assert pace.steps_per_second == pytest.approx(1 / 3)
    for _ in range(round(WINDOW) + 1):
        clock.now += 1.0
        pace.report(100, 1.0)
    assert pace.steps_per_second == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "about 1 s"),
        (89.0, "about 89 s"),
        (90.0, "about 2 min"),
        (5399.0, "about 90 min"),
        (9000.0, "about 2.5 h"),
    ],
)
def test_durations_are_said_in_words(seconds, words):
    assert duration(seconds) == words
