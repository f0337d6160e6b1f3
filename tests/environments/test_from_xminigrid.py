"""From XLand-MiniGrid: the contract, rulesets that play out, files that are refused."""

import bz2
import pickle
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from allometry.environments.contract import check
from allometry.refusal import Refusal

xminigrid = pytest.importorskip(
    "xminigrid", reason="xminigrid (XLand-MiniGrid) is not installed"
)

from xminigrid.benchmarks import Benchmark  # noqa: E402
from xminigrid.core.constants import TILES_REGISTRY, Colors, Tiles  # noqa: E402
from xminigrid.core.goals import AgentHoldGoal  # noqa: E402
from xminigrid.core.rules import AgentHoldRule, EmptyRule, TileNearRule  # noqa: E402
from xminigrid.types import RuleSet  # noqa: E402

from allometry.environments import from_xminigrid  # noqa: E402

KEY = jax.random.key(0)
FORWARD, RIGHT, PICK_UP = 0, 1, 3
BALL, STAR, HEX = (
    TILES_REGISTRY[tile, Colors.RED] for tile in (Tiles.BALL, Tiles.STAR, Tiles.HEX)
)


def ruleset(goal: Any) -> RuleSet:
    """Hold `goal`; who picks up a ball holds a star. Four rules, two objects."""
    rules = [
        AgentHoldRule(tile=BALL, prod_tile=STAR),
        TileNearRule(tile_a=BALL, tile_b=HEX, prod_tile=STAR),
        EmptyRule(),
        EmptyRule(),
    ]
    return RuleSet(
        goal=AgentHoldGoal(tile=goal).encode(),
        rules=jnp.stack([rule.encode() for rule in rules]),
        init_tiles=jnp.stack([BALL, HEX]),
    )


def benchmark() -> Benchmark:
    """Two rulesets, whose goals are a star and a hexagon."""
    both = jax.tree.map(lambda *x: jnp.stack(x), ruleset(STAR), ruleset(HEX))
    return Benchmark(both.goal, both.rules, both.init_tiles, jnp.full(2, 2))


def saved(path: Path, **changed: np.ndarray) -> Path:
    given = benchmark()
    names = ("goals", "rules", "init_tiles", "num_rules")
    arrays = {name: np.asarray(getattr(given, name)) for name in names} | changed
    save_file({name: np.ascontiguousarray(x) for name, x in arrays.items()}, path)
    return path


def before(task: Any, tile: Any) -> Any:
    """Put the agent next to a tile on the floor, looking at it."""
    grid = np.asarray(task.state.grid)
    [[y, x]] = np.argwhere((grid == np.asarray(tile)).all(-1))
    for direction, (up, across) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
        place = y - up, x - across
        if grid[place][0] == Tiles.FLOOR:
            agent = task.state.agent.replace(
                position=jnp.array(place), direction=jnp.array(direction)
            )
            return task.replace(state=task.state.replace(agent=agent))
    raise AssertionError("the tile stands nowhere near the floor")


def test_a_benchmark_keeps_the_contract() -> None:
    check(from_xminigrid.load(benchmark=benchmark(), max_steps=20))


def test_four_rooms_keep_the_contract() -> None:
    check(from_xminigrid.load("XLand-MiniGrid-R4-13x13"))


def test_the_shortest_way_to_a_goal_is_rewarded_by_its_length() -> None:
    environment = from_xminigrid.load("MiniGrid-Empty-5x5")
    step = jax.jit(environment.step)
    state, begun = environment.reset(KEY, environment.sample_task(KEY))
    assert begun.observation.shape == (1, 7, 7, 2)
    for action in (FORWARD, FORWARD, RIGHT, FORWARD):
        state, answer = step(KEY, state, jnp.array([action], jnp.int32))
        assert (answer.reward[0], bool(answer.trial_end)) == (0.0, False)
    _, answer = step(KEY, state, jnp.array([FORWARD], jnp.int32))
    assert answer.reward[0] == pytest.approx(1 - 0.9 * 5 / (4 * 25))
    assert answer.terminated
    assert answer.trial_end
    assert not answer.truncated


def test_a_limit_truncates_and_nothing_begins_anew() -> None:
    environment = from_xminigrid.load("MiniGrid-Empty-5x5", max_steps=3)
    step = jax.jit(environment.step)
    state, _ = environment.reset(KEY, environment.sample_task(KEY))
    cut = []
    for _ in range(3):
        state, answer = step(KEY, state, jnp.array([FORWARD], jnp.int32))
        cut.append((bool(answer.truncated), bool(answer.terminated)))
    assert cut == [(False, False), (False, False), (True, False)]
    assert state.state.step_num == 3


def test_a_rule_fires_before_the_goal_is_judged() -> None:
    environment = from_xminigrid.load(ruleset=ruleset(STAR), max_steps=20)
    task = before(environment.sample_task(KEY), BALL)
    step = jax.jit(environment.step)
    state, _ = environment.reset(KEY, task)
    state, answer = step(KEY, state, jnp.array([PICK_UP], jnp.int32))
    assert np.array_equal(state.state.agent.pocket, STAR)
    assert answer.terminated
    assert answer.reward[0] == pytest.approx(1 - 0.9 / 20)
    other = before(environment.task(KEY, ruleset(HEX)), BALL)
    state, answer = step(KEY, other, jnp.array([PICK_UP], jnp.int32))
    assert np.array_equal(state.state.agent.pocket, STAR)
    assert not answer.terminated


def test_tasks_are_drawn_from_all_of_a_benchmark_and_laid_out_anew() -> None:
    environment = from_xminigrid.load(benchmark=benchmark())
    keys = jax.random.split(KEY, 64)
    states = jax.jit(jax.vmap(environment.sample_task))(keys).state
    goals = np.asarray(states.goal_encoding)
    stars = (goals == np.asarray(benchmark().goals[0])).all(1)
    assert ((goals == np.asarray(benchmark().goals[1])).all(1) == ~stars).all()
    # 64 tosses of a coin: four standard deviations are 16.
    assert 16 < stars.sum() < 48
    assert len({grid.tobytes() for grid in np.asarray(states.grid)}) > 60


def test_a_file_gives_the_tasks_of_its_benchmark(tmp_path) -> None:
    file = saved(tmp_path / "two.safetensors")
    tasks = [
        from_xminigrid.load(benchmark=source).sample_task(KEY)
        for source in (benchmark(), file, str(file))
    ]
    for task in tasks[1:]:
        assert jax.tree.all(jax.tree.map(np.array_equal, task, tasks[0]))


def test_a_file_of_pickles_is_not_read(tmp_path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (tmp_path.joinpath("exploded").touch, ())

    path = tmp_path / "trivial_1m"
    path.write_bytes(bz2.compress(pickle.dumps(Bomb())))
    with pytest.raises(Refusal, match=r"no safetensors file.*pickles.*not read here"):
        from_xminigrid.load(benchmark=path)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"rules": np.zeros((2, 4, 7), np.int32)},
            r"rules is int32 \[2, 4, 7\]; it must be uint8 with 3 axes, the last of 7",
        ),
        (
            {"goals": np.zeros((2, 4), np.uint8)},
            r"goals is uint8 \[2, 4\]; .* 2 axes, the last of 5",
        ),
        (
            {"goals": np.zeros((3, 5), np.uint8)},
            "has 3 goals, 2 rules, 2 init_tiles; every ruleset needs one of each",
        ),
    ],
)
def test_arrays_that_are_no_rulesets_are_refused(tmp_path, changed, sentence) -> None:
    with pytest.raises(Refusal, match=sentence):
        from_xminigrid.load(benchmark=saved(tmp_path / "odd.safetensors", **changed))


def test_files_that_lack_something_are_refused(tmp_path) -> None:
    with pytest.raises(Refusal, match=r"There is no file .*none\.safetensors"):
        from_xminigrid.load(benchmark=tmp_path / "none.safetensors")
    save_file({"goals": np.zeros((2, 5), np.uint8)}, tmp_path / "goals.safetensors")
    with pytest.raises(Refusal, match='no array "rules"'):
        from_xminigrid.load(benchmark=tmp_path / "goals.safetensors")


@pytest.mark.parametrize(
    ("id", "options", "sentence"),
    [
        ("R1-9x9", {}, r'no environment "R1-9x9"\. Choose one of: XLand-MiniGrid-R1'),
        ("MiniGrid-Empty-5x5", {"max_step": 9}, r'no parameter "max_step"\. It has:'),
        ("MiniGrid-Empty-5x5", {"max_steps": "9"}, "max_steps is '9', .* a whole numb"),
        ("MiniGrid-Empty-5x5", {"ruleset": 1}, "a game of its own and takes neither"),
        ("XLand-MiniGrid-R1-9x9", {"ruleset": 1, "benchmark": 1}, "not both"),
    ],
)
def test_options_that_cannot_be_are_refused(id, options, sentence) -> None:
    with pytest.raises(Refusal, match=sentence):
        from_xminigrid.load(id, **options)


def test_a_missing_library_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "xminigrid", None)
    with pytest.raises(Refusal, match=r"pip install 'allometry\[xminigrid\]'"):
        from_xminigrid.load()


def test_a_state_is_drawn_with_the_agent_where_it_is() -> None:
    environment = from_xminigrid.load("MiniGrid-Empty-5x5")
    state = environment.sample_task(KEY)
    picture = environment.render(state)
    assert (picture.shape, picture.dtype) == ((160, 160, 3), np.uint8)
    ahead = state.state.agent.replace(position=jnp.array((1, 2)))
    moved = state.replace(state=state.state.replace(agent=ahead))
    changed = (environment.render(moved) != picture).any(-1)
    # Half of each of the two cells, where the agent was and is, and little else.
    assert changed[32:64, 32:64].mean() > 0.25
    assert changed[32:64, 64:96].mean() > 0.25
