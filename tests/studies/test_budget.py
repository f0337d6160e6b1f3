import pytest

from allometry.refusal import Refusal
from allometry.studies import budget


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30min", 1800), ("30 m", 1800), ("2h", 7200), ("1.5d", 129_600)],
)
def test_a_time_is_used_up_when_it_has_passed(text, seconds):
    clock = [1e6]
    found = budget.read(text, clock=lambda: clock[0])
    assert found.text == text
    found.spend(1e30)
    clock[0] += seconds - 0.01
    assert not found.used_up
    clock[0] += 0.02
    assert found.used_up


def test_flops_are_used_up_when_they_are_spent():
    found = budget.read("1e9")
    assert found.text == "1e9 FLOPs"
    for _ in range(3):
        found.spend(0.3e9)
        assert not found.used_up
    found.spend(0.1e9)
    assert found.used_up


@pytest.mark.parametrize("text", ["", "h", "2 weeks", "-1h", "0s", "nan", "inf", "1e"])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(Refusal, match="is no budget: give a time with its unit"):
        budget.read(text)


def test_seconds_without_their_unit_are_not_taken_for_flops():
    with pytest.raises(Refusal, match=r"Give a time a unit, such as 3600s or 3600min"):
        budget.read("3600")


def test_what_is_left_is_shared_out_among_workers():
    now = [0.0]
    hour = budget.read("1h", lambda: now[0])
    now[0] = 600.0
    assert hour.part(4) == "3000.000000s"
    assert budget.read(hour.part(4)).text == "3000.000000s"
    flops = budget.read("1e17")
    flops.spend(4e16)
    assert float(flops.part(4)) == 1.5e16
    flops.use_up()
    assert flops.used_up
