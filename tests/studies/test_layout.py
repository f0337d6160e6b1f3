"""Layout: one bundle on four devices, which XLA makes of one CPU in a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from allometry.curves.store import open_store
from allometry.refusal import Refusal
from allometry.studies import layout

SCRIPT = Path(__file__).with_name("on_four_devices.py")
FLAGS = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("four")


@pytest.fixture(scope="module")
def seen(folder):
    """What the script has printed; it leaves its stores in the folder."""
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        env=os.environ | FLAGS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def copied(name):
    return any(part in name for part in ("environment", "timestep", "memory"))


@pytest.mark.parametrize("when", ["begun", "trained"])
def test_copies_lie_on_four_devices_and_the_rest_on_each(seen, when):
    arrays = seen["laid"][when]
    assert any(copied(name) for name in arrays)
    for name, (shape, part, devices, _) in arrays.items():
        expected = list(shape)
        if copied(name):
            expected[1] = shape[1] // 4  # [M, B, ...]
        elif "replay" in name:
            expected[2] = shape[2] // 4  # [M, batches, rows, ...]
        assert (part, devices) == (expected, 4), name


def test_a_gradient_step_is_divided_too(seen):
    parts, learner = seen["minibatches"]
    assert parts
    assert all(part == [2, 3] for part in parts)  # of 8 rows
    assert learner == 16 * 3


def test_what_a_device_holds_is_what_lies_on_it(seen):
    found = sum(count for *_, count in seen["laid"]["begun"].values())
    assert seen["laid"]["held"] == found


def curves(folder, name):
    store = open_store(folder / name)
    assert store.runs()["status"].to_list() == ["done"] * 2
    return store.curves().drop("seconds")


def test_four_devices_train_the_same_up_to_rounding(seen, folder):
    one, four = curves(folder, "one"), curves(folder, "four")
    assert one.drop("performance").equals(four.drop("performance"))
    np.testing.assert_allclose(one["performance"], four["performance"], atol=5e-4)
    assert one["performance"].n_unique() == one.height


def test_what_was_stopped_goes_on_bit_for_bit(seen, folder):
    assert seen["same"] == []
    assert open_store(folder / "resumed").runs()["attempts"].to_list() == [2, 2]
    assert curves(folder, "resumed").equals(curves(folder, "four"))
    states = [
        open_store(folder / name).checkpoint("width-4") for name in ("resumed", "four")
    ]
    assert states[0].keys() == states[1].keys()
    for name, array in states[0].items():
        assert array.tobytes() == states[1][name].tobytes(), name


def test_one_device_goes_on_as_four_and_the_record_tells(seen, folder):
    (said,) = seen["changed"]
    assert "goes on from checkpoint 2 under another fingerprint (device cha" in said
    widened, four = (open_store(folder / name) for name in ("widened", "four"))
    assert widened.progress("width-4")["warnings"] == [said]
    assert widened.runs()["fingerprint"].equals(four.runs()["fingerprint"])
    assert (
        not four.runs()["fingerprint"]
        .is_in(open_store(folder / "one").runs()["fingerprint"])
        .any()
    )
    np.testing.assert_allclose(
        curves(folder, "widened")["performance"],
        curves(folder, "one")["performance"],
        atol=5e-4,
    )


def test_bundles_train_side_by_side_on_devices_of_their_own(seen):
    assert seen["pairs"] == [[[0, 1], 0], [[2, 3], 2]]
    # Each accelerator has its worker; a fifth shares the first.
    assert seen["chosen"] == [[0, 1], [1, 1], [2, 1], [3, 1], [0, 1]]


def test_too_few_devices_are_refused(studies, tmp_path):
    words = r"training\.devices is 2, and this process sees 1 \(cpu\)\. Train where"
    with pytest.raises(Refusal, match=words):
        layout.side_by_side(2, None)
    with pytest.raises(Refusal, match=words):
        studies.train(studies.survey_of(training={"devices": 2}), tmp_path / "s")
    assert open_store(tmp_path / "s").runs()["attempts"].to_list() == [0, 0]


def test_copies_that_cannot_be_divided_are_refused(studies):
    words = (
        r"training\.devices is 3, among which training\.copies = 4 cannot be divided"
    )
    with pytest.raises(Refusal, match=words):
        studies.survey_of(training={"devices": 3})


def test_two_programs_never_share_several_devices(monkeypatch):
    devices = jax.devices() * 4
    monkeypatch.setattr(jax, "local_devices", lambda: devices)
    assert [len(each.devices) for each in layout.side_by_side(2, None)] == [2, 2]
    assert len(layout.side_by_side(2, 1)) == 1
    with pytest.raises(Refusal, match=r"--workers 3 .* need 6, .* sees 4\. .*s 2\."):
        layout.side_by_side(2, 3)
