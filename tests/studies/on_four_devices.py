"""Trains tiny studies on four devices that XLA makes of one CPU; a process of its own.

Stores are left in the folder that is the first argument; what else was seen is printed.
"""

import functools
import json
import sys
import threading
from pathlib import Path

import jax

from allometry.agents.on_policy import passes
from allometry.agents.samples import Samples
from allometry.studies import executor, layout, runner
from allometry.studies.study import from_mapping
from allometry.studies.survey import Survey

TRAINING = {"interactions": 512, "copies": 8, "length": 4, "checkpoints": 4}
AGENT = {"name": "ppo", "horizon": 4, "minibatches": 2}
#: One that keeps a replay, for the sake of its layout.
REPLAYS = {"name": "ppg", "horizon": 4, "minibatches": 2}
GRID = {"seeds": 2, "agent": {"width": [4]}}


class Watcher:
    """Stops after so many chunks; keeps what it is warned of."""

    def __init__(self, chunks):
        self.stop, self.left, self.warnings = threading.Event(), chunks, []

    def advanced(self, bundle, interactions):
        self.left -= 1
        if self.left == 0:
            self.stop.set()

    def warned(self, sentence):
        self.warnings.append(sentence)

    def __getattr__(self, name):
        return lambda *_: None


def survey_of(devices, agent=AGENT, **grid):
    content = {
        "name": "tiny",
        "environment": {"name": "digits"},
        "agent": agent,
        "training": TRAINING | {"devices": devices},
        "grid": GRID | grid,
    }
    return Survey(from_mapping(content, "the test"))


def train(survey, path, *, chunks=-1):
    """Train a study, or so many chunks of it; give the warnings."""
    watcher = Watcher(chunks)
    store = executor.prepare(survey, path, "test")
    options = {"stop": watcher.stop, "commit_every": 0.0}
    executor.run(survey, store, watcher, **options)
    return watcher.warnings


def shards(tree):
    """Tell of every array its shape, its part's, on how many devices, and its bytes."""
    return {
        jax.tree_util.keystr(path): (
            leaf.shape,
            leaf.sharding.shard_shape(leaf.shape),
            len(leaf.devices()),
            leaf.addressable_shards[0].data.nbytes,
        )
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def laid(survey):
    """Tell how states are laid before a chunk and after it."""
    replays = survey_of(4, agent=REPLAYS)
    program = survey.program(survey.facts[0])
    begun = program.layout.laid(program.start())
    trained = program.advance(begun, 0, 1).members
    other = replays.program(replays.facts[0])
    return {
        "trained": shards(trained),
        "begun": shards(other.layout.laid(other.start())),
        "held": other.layout.held(other.shapes()),
    }


def minibatches():
    """Tell what part of a minibatch of 8 rows each device learns from."""
    found = []

    def update(learner, samples):
        jax.debug.inspect_array_sharding(
            samples.first, callback=lambda how: found.append(how.shard_shape((8, 3)))
        )
        return learner + samples.first.sum(), {}

    empty = Samples(*[()] * len(Samples._fields))
    samples = empty._replace(first=jax.numpy.ones((16, 3)))
    learn = jax.jit(functools.partial(passes, update, epochs=1, rows=8))
    with layout.first(4).in_use():
        learner, _ = learn(jax.numpy.zeros(()), samples, jax.random.key(0))
    return found, float(learner)


def places(survey, path):
    """Tell which devices each of two workers has, and on which it computes."""
    found, both = [], threading.Barrier(2)

    def seen(facts, job, lease):
        both.wait(60)
        found.append(([each.id for each in job.layout.devices], layout.here().id))
        return True

    train_one, runner.train = runner.train, seen
    train(survey, path)
    runner.train = train_one
    return sorted(found)


def chosen():
    """Tell what each of five workers would use, were these accelerators."""
    layout.jax.default_backend = lambda: "an accelerator"
    found = layout.side_by_side(1, 5)
    assert layout.side_by_side(1, None) == found[:4]
    seen = []
    for each in found:
        with each.chosen():
            seen.append((layout.here().id, len(each.devices)))
    return seen


def main(folder):
    jax.config.update("jax_disable_most_optimizations", True)
    jax.config.update("jax_compilation_cache_dir", str(folder / "programs"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    one, four = survey_of(1), survey_of(4)
    seen = {"laid": laid(four), "minibatches": minibatches()}
    train(one, folder / "one")
    train(four, folder / "four")
    train(four, folder / "resumed", chunks=2)
    seen["same"] = train(four, folder / "resumed")
    train(one, folder / "widened", chunks=2)
    seen["changed"] = train(four, folder / "widened")
    seen["pairs"] = places(survey_of(2, runs_per_bundle=1), folder / "pairs")
    seen["chosen"] = chosen()
    print(json.dumps(seen))


main(Path(sys.argv[1]))
