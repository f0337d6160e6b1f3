"""Train 2n chunks, or n, and n more from a file: the same bits, agent by probe."""

import dataclasses
import functools
from pathlib import Path

import jax
import numpy as np
import pytest

from allometry.agents.registry import AGENTS
from allometry.agents.schedule import Schedule
from allometry.agents.training import Member
from allometry.curves import checkpoint as files
from allometry.environments.probes import PROBES, Probe
from allometry.studies import checkpoint
from tests.agents import small
from tests.agents.small import SMALL

# Of no episode's length: chunks end within episodes, and within phases of an agent.
SCHEDULE = Schedule(copies=4, length=4)
CHUNKS, ITERATIONS = 4, 2
STATES = 1 + max(len(probe.observations) for probe in PROBES.values())

FILE = "checkpoint-00000001-00000001.safetensors"

Records = list[dict[str, bytes]]

begin = functools.partial(small.begin, SCHEDULE)
advance = functools.partial(small.advance, SCHEDULE)


def alike(probe: Probe) -> Probe:
    """Give all probes one shape: they share a compilation, differing in numbers alone.

    Where an episode has one beginning it gets the same one twice, and all are cut
    after 4 steps, which one of them only ever reaches.
    """
    observations, rewards = probe.observations, probe.rewards
    successors = probe.successors
    if probe.starts == 1:
        observations = np.concatenate([observations[:1], observations])
        rewards = np.concatenate([rewards[:1], rewards])
        later = np.where(successors > 0, successors + 1, successors)
        successors = np.concatenate([later[:1], later])
    more = (0, STATES - len(observations))
    return dataclasses.replace(
        probe,
        observations=np.pad(observations, (more, (0, 0))),
        rewards=np.pad(rewards, (more, (0, 0))),
        successors=np.pad(successors, (more, (0, 0), (0, 0))),
        name="alike",
        starts=2,
        limit=4,
        values=PROBES["one_value"].values,
        optimal_actions=(),
        optimal_return=0.0,
    )


def bits(arrays: dict) -> dict[str, bytes]:
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}


def chunks(
    name: str, probe: Probe, member: Member, numbers: range
) -> tuple[Member, Records]:
    """Train the chunks of these numbers; give what they recorded too."""
    records = []
    for number in numbers:
        first = number * ITERATIONS
        member, metrics = advance(SMALL[name], probe, member, first, ITERATIONS)
        records.append(bits(metrics))
    return member, records


def stored(member: Member, folder: Path) -> Member:
    """Write the state to a file, and build it anew from that alone."""
    record = files.write(folder, FILE, checkpoint.pack(member))
    shapes = jax.eval_shape(lambda: member)
    return checkpoint.unpack(shapes, files.read(folder, record), "the test")


def test_every_agent_is_resumed() -> None:
    assert SMALL.keys() == AGENTS.keys()


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
@pytest.mark.parametrize("name", SMALL)
def test_2n_chunks_equal_n_and_n_more(name: str, probe: Probe, tmp_path: Path) -> None:
    same = alike(probe)
    started = begin(SMALL[name], same, jax.random.key(0))
    whole, records = chunks(name, same, started, range(2 * CHUNKS))
    half, before = chunks(name, same, started, range(CHUNKS))
    rest = range(CHUNKS, 2 * CHUNKS)
    again, after = chunks(name, same, stored(half, tmp_path), rest)
    assert before + after == records
    wanted = bits(checkpoint.pack(whole))
    assert bits(checkpoint.pack(again)) == wanted
    # What is compared has moved: of a learner that stands still nothing would be told.
    stood = bits(checkpoint.pack(half))
    moved = [each for each in wanted if wanted[each] != stood[each]]
    assert any(each.startswith("learner/networks") for each in moved)
    if name == "ppg":
        assert any(each.startswith("loop/replay") for each in moved)


@pytest.mark.parametrize("name", SMALL)
def test_what_is_not_restored_is_missed(name: str) -> None:
    """The comparison would tell: with a part as it was at the start, all goes wrong."""
    probe = alike(PROBES["delayed_reward"])
    started = begin(SMALL[name], probe, jax.random.key(0))
    half, _ = chunks(name, probe, started, range(CHUNKS))
    rest = range(CHUNKS, 2 * CHUNKS)
    whole = bits(checkpoint.pack(chunks(name, probe, half, rest)[0]))
    parts = ["learner/networks", "learner/optimiser", "loop"]
    parts += {"ppo": ["learner/proximal"], "ppg": ["loop/replay"]}.get(name, [])
    first, last = checkpoint.pack(started), checkpoint.pack(half)
    for part in parts:
        mixed = {
            each: (first if each.startswith(part) else last)[each] for each in last
        }
        state = checkpoint.unpack(jax.eval_shape(lambda: half), mixed, "the test")
        other = bits(checkpoint.pack(chunks(name, probe, state, rest)[0]))
        assert other != whole, part
