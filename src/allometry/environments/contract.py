"""The contract test: what every environment must do, executed.

`check(environment)` plays a few episodes at random and raises `AssertionError` with a
sentence on the first clause that does not hold. It is public: an environment of your
own should pass it too.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key, PyTree

from allometry.environments.environment import Environment, TimeStep
from allometry.specs import ArraySpec, EnvironmentSpec

#: A reset may cost this many steps: under `vmap` it runs at every step.
RESET_COST = 2.0

#: Costs are read from the program for one fixed platform, so that a verdict does not
#: depend on the machine; on this one random bits are drawn without a loop.
PLATFORM = "tpu"

TOLERANCE = 1e-5


class Play(NamedTuple):
    """T random steps: what reset would have shown at each, the action, the answer."""

    begun: TimeStep
    action: PyTree
    answer: TimeStep


class Opening(NamedTuple):
    """What a reset showed, and the answer to the first step."""

    begun: TimeStep
    answer: TimeStep


def check(environment: Environment, *, steps: int = 64, seed: int = 0) -> None:
    """Hold an environment to its contract over `steps` random steps.

    Raises `AssertionError` with a sentence that names the clause.
    """
    key = jax.random.key(seed)
    _check_pytree(environment)
    _check_shapes(environment, key)
    tasks = jax.jit(_tasks, static_argnums=2)(environment, key, steps + 1)
    play = jax.jit(_play, static_argnums=3)
    opening, played = play(environment, key, tasks, steps, True)
    _check_begun(environment.spec, opening.begun)
    _check_begun(environment.spec, played.begun)
    _check_answers(environment.spec, played)
    _, again = play(environment, key, tasks, steps, True)
    _require(
        jax.tree.all(jax.tree.map(np.array_equal, played, again)),
        "the same key must give the same episode twice, to the bit",
    )
    _, ended = play(environment, key, tasks, steps, False)
    _require(
        not ended.answer.first.any(),
        "`first` must be false after every step: an environment never resets itself",
    )
    _check_batch(environment, key, tasks, opening)
    _check_cost(environment, key)


def _check_pytree(environment: Environment) -> None:
    _require(
        isinstance(environment.spec, EnvironmentSpec),
        f"`spec` must be an EnvironmentSpec, and is {type(environment.spec).__name__}",
    )
    try:
        hash(environment.spec)
    except TypeError as error:
        raise AssertionError(
            f"Broken contract: `spec` must be hashable ({error}); several arrays are a "
            "NamedTuple of ArraySpecs, not a dict."
        ) from error
    for path, leaf in jax.tree_util.tree_leaves_with_path(environment):
        _require(
            isinstance(leaf, jax.Array | np.ndarray),
            "an environment must be a pytree of arrays, and its leaf "
            f"{jax.tree_util.keystr(path) or 'itself'} is a {type(leaf).__name__}",
        )


def _check_shapes(environment: Environment, key: Key[Array, ""]) -> None:
    spec = environment.spec
    task, state, timestep, after, answer = jax.eval_shape(
        _reset_and_step, environment, key
    )
    for name, tree in (("task", task), ("state", state)):
        _require(
            all(
                isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(tree)
            ),
            f"a {name} must be a pytree of arrays",
        )
    _require_alike(state, after, "`step` must return a state like that of `reset`")
    _require_alike(timestep, answer, "`step` must return a time step like `reset`")
    for name in ("first", "trial_end", "terminated", "truncated"):
        _require_array(getattr(answer, name), (), "bool", f"`{name}`")
    _require_array(answer.player_mask, (spec.players,), "bool", "`player_mask`")
    _require_array(answer.reward, (spec.players,), "float32", "`reward`")
    _require("previous_action" in answer.extras, "`extras` must have a previous_action")
    _require_matches(answer.extras["previous_action"], spec.action, spec, "action")
    _require_matches(answer.observation, spec.observation, spec, "observation")


def _check_batch(
    environment: Environment, key: Key[Array, ""], tasks: PyTree, alone: Opening
) -> None:
    """Hold the opening of a play to the same in a batch.

    The two are traced apart, so this also finds chance that comes from no key.
    """
    keys = jnp.stack([key, jax.random.fold_in(key, 1)])
    pair = jax.tree.map(lambda field: field[:2], tasks)
    batch = jax.jit(jax.vmap(_open, (None, 0, 0)))(environment, keys, pair)[1]
    close = jax.tree.map(
        lambda a, b: np.allclose(a, b[0], TOLERANCE, TOLERANCE, equal_nan=True),
        alone,
        batch,
    )
    _require(
        jax.tree.all(close),
        "`reset` and `step` must give the same under `vmap`, and draw on nothing but "
        "their key",
    )


def _check_begun(spec: EnvironmentSpec, begun: TimeStep) -> None:
    _require(bool(begun.first.all()), "`first` must be true after `reset`")
    for name in ("trial_end", "terminated", "truncated"):
        _require(
            not getattr(begun, name).any(), f"`{name}` must be false after `reset`"
        )
    _require(not begun.reward.any(), "`reward` must be 0 after `reset`")
    for action in jax.tree.leaves(begun.extras["previous_action"]):
        _require(not action.any(), "`previous_action` must be 0 after `reset`")
    _require(
        bool(begun.player_mask.any(-1).all()),
        "`player_mask` must show at least one player after `reset`",
    )
    _check_within(begun.observation, spec.observation, "observation")


def _check_answers(spec: EnvironmentSpec, play: Play) -> None:
    answer = play.answer
    _require(
        not (answer.terminated & answer.truncated).any(),
        "a step must not be both `terminated` and `truncated`",
    )
    _require(
        spec.episodic or not (answer.terminated | answer.truncated).any(),
        "an environment whose spec is not `episodic` must never end an episode",
    )
    _require(
        bool((answer.trial_end | ~(answer.terminated | answer.truncated)).all()),
        "`trial_end` must be true where the episode ends",
    )
    _require(
        jax.tree.all(
            jax.tree.map(np.array_equal, answer.extras["previous_action"], play.action)
        ),
        "`previous_action` must be the action that was given to `step`",
    )
    low, high = spec.reward_range
    _require(bool(np.isfinite(answer.reward).all()), "`reward` must be finite")
    _require(
        bool(((answer.reward >= low) & (answer.reward <= high)).all()),
        f"`reward` must lie in the spec's reward_range [{low}, {high}]",
    )
    _check_within(answer.observation, spec.observation, "observation")


def _check_within(tree: PyTree, specs: PyTree, name: str) -> None:
    def check_one(spec: ArraySpec, values: Array) -> None:
        if not values.size:
            return
        _require(bool(np.isfinite(values).all()), f"an {name} must be finite")
        low, high = _bounds(spec)
        _require(
            bool((values >= low).all() and (values <= high).all()),
            f"an {name} must lie in its spec's bounds [{low}, {high}], and reaches "
            f"{values.min()} to {values.max()}",
        )

    jax.tree.map(check_one, specs, tree, is_leaf=_is_spec)


def _check_cost(environment: Environment, key: Key[Array, ""]) -> None:
    """Bound the cost of a reset by XLA's count: clocks differ, counts do not.

    A loop's body is counted once on both sides.
    """

    def sides(environment: Environment, keys: Key[Array, "..."]) -> tuple:
        task, state, _, _, answer = jax.vmap(_reset_and_step, (None, 0))(
            environment, keys
        )
        return task, state, answer.extras["previous_action"]

    keys = jax.random.split(key, 8)
    batch = jax.eval_shape(sides, environment, keys)
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batch)
    for (task, state, action), some_keys, batched in (
        (one, key, False),
        (batch, keys, True),
    ):
        reset = _cost(environment, "reset", batched, some_keys, task)
        step = _cost(environment, "step", batched, some_keys, state, action)
        for unit in ("flops", "bytes accessed"):
            _require(
                reset[unit] <= RESET_COST * step[unit],
                f"`reset` must cost at most {RESET_COST:g} steps"
                f"{' under `vmap`' if batched else ''}, and takes {reset[unit]:,.0f} "
                f"{unit} where `step` takes {step[unit]:,.0f}; what is heavy belongs "
                "in `sample_task`",
            )


def _cost(
    environment: Environment, method: str, batched: bool, *arguments: Any
) -> dict[str, float]:
    """Count the FLOPs and bytes of one call, as XLA does before it optimises."""

    def call(environment: Environment, *arguments: Any) -> Any:
        return getattr(environment, method)(*arguments)

    axes = (None,) + (0,) * len(arguments)
    called: Callable[..., Any] = jax.vmap(call, axes) if batched else call
    traced = jax.jit(called).trace(environment, *arguments)
    analysis = traced.lower(lowering_platforms=(PLATFORM,)).cost_analysis()
    if not isinstance(analysis, dict):  # some versions of JAX give one per program
        analysis = analysis[0]
    return {unit: analysis.get(unit, 0.0) for unit in ("flops", "bytes accessed")}


def _reset_and_step(environment: Environment, key: Key[Array, ""]) -> tuple:
    """Return a task, the state and time step it begins with, and those that follow."""
    task_key, reset_key, action_key, step_key = jax.random.split(key, 4)
    task = environment.sample_task(task_key)
    state, begun = environment.reset(reset_key, task)
    action = random_action(environment.spec, action_key)
    after, answer = environment.step(step_key, state, action)
    return task, state, begun, after, answer


def _tasks(environment: Environment, key: Key[Array, ""], count: int) -> PyTree:
    """Sample so many tasks."""
    keys = jax.random.split(jax.random.fold_in(key, count), count)
    return jax.vmap(environment.sample_task)(keys)


def _open(
    environment: Environment, key: Key[Array, ""], task: PyTree
) -> tuple[Any, Opening]:
    """Reset, and take one random step."""
    reset_key, action_key, step_key = jax.random.split(key, 3)
    state, begun = environment.reset(reset_key, task)
    action = random_action(environment.spec, action_key)
    state, answer = environment.step(step_key, state, action)
    return state, Opening(begun, answer)


def _play(
    environment: Environment,
    key: Key[Array, ""],
    tasks: PyTree,
    steps: int,
    resets: bool | Bool[Array, ""],
) -> tuple[Opening, Play]:
    """Play random steps, beginning anew with the next task at an end if `resets`."""

    def advance(state: Any, drawn: tuple[Key[Array, ""], PyTree]) -> tuple[Any, Play]:
        reset_key, action_key, step_key = jax.random.split(drawn[0], 3)
        action = random_action(environment.spec, action_key)
        state, answer = environment.step(step_key, state, action)
        fresh, begun = environment.reset(reset_key, drawn[1])
        ended = (answer.terminated | answer.truncated) & resets
        state = jax.tree.map(lambda a, b: jnp.where(ended, a, b), fresh, state)
        return state, Play(begun, action, answer)

    first = jax.tree.map(lambda field: field[0], tasks)
    later = jax.tree.map(lambda field: field[1:], tasks)
    state, opening = _open(environment, key, first)
    keys = jax.random.split(jax.random.fold_in(key, 1), steps)
    return opening, jax.lax.scan(advance, state, (keys, later))[1]


def random_action(spec: EnvironmentSpec, key: Key[Array, ""]) -> Array:
    """Draw an action `[P, ...]` uniformly from its bounds (or [−1, 1] if unbounded)."""
    shape = (spec.players, *spec.action.shape)
    if spec.action.num_values is not None:
        return jax.random.randint(
            key, shape, 0, spec.action.num_values, spec.action.dtype
        )
    low, high = np.clip(_bounds(spec.action), -1.0, 1.0)
    return jax.random.uniform(key, shape, spec.action.dtype, low, high)


def _bounds(spec: ArraySpec) -> tuple[float, float]:
    if spec.num_values is not None:
        return 0, spec.num_values - 1
    low = -np.inf if spec.minimum is None else spec.minimum
    return low, np.inf if spec.maximum is None else spec.maximum


def _is_spec(leaf: Any) -> bool:
    return isinstance(leaf, ArraySpec)


def _require(holds: bool, clause: str) -> None:
    if not holds:
        raise AssertionError(f"Broken contract: {clause}.")


def _require_array(array: Any, shape: tuple[int, ...], dtype: str, name: str) -> None:
    _require(
        array.shape == shape and array.dtype == dtype,
        f"{name} must be {dtype} of shape {shape}, and is {array.dtype} of shape "
        f"{array.shape}",
    )


def _require_matches(
    tree: PyTree, specs: PyTree, spec: EnvironmentSpec, name: str
) -> None:
    """Require arrays like their specs behind a leading axis of players."""
    structure: Any = jax.tree.structure(specs, is_leaf=_is_spec)
    _require(
        structure == jax.tree.structure(tree),
        f"the {name} must be a pytree like its spec, {structure}",
    )
    for one, array in zip(
        jax.tree.leaves(specs, is_leaf=_is_spec), jax.tree.leaves(tree), strict=True
    ):
        _require_array(array, (spec.players, *one.shape), one.dtype, f"the {name}")


def _require_alike(first: PyTree, second: PyTree, clause: str) -> None:
    """Require the same structure, shapes, dtypes and weak types: a `scan` carry."""

    def described(tree: PyTree) -> dict[str, str]:
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        return {
            jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}"
            + (" (weakly typed)" if leaf.weak_type else "")
            for path, leaf in leaves
        }

    one, other = described(first), described(second)
    differing = [
        f"{name}: {one.get(name, 'absent')} and {other.get(name, 'absent')}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]
    _require(not differing, f"{clause}; they differ in {'; '.join(differing)}")
