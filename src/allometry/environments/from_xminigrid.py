"""From XLand-MiniGrid: its grids, rulesets and benchmarks behind our contract.

A task is a ruleset laid out: the grid with its objects and the agent, drawn in
`sample_task`, because laying out costs as much as ten steps. An episode is one trial.
Nikulin et al. 2023, arXiv 2312.12044; https://github.com/dunnolab/xland-minigrid
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from allometry.environments.environment import TimeStep
from allometry.environments.foreign import alike, missing
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec, discrete

#: The highest number of a tile; colours go to 11.
_HIGHEST = 12.0
#: The arrays of a benchmark: how many axes each has, and how long the last is.
_AXES = {"goals": (2, 5), "rules": (3, 7), "init_tiles": (3, 2)}

#: XLand-MiniGrid's time step, with its state: a task is the first of an episode.
State = Any


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["params", "rulesets"],
    meta_fields=["inner", "spec"],
)
@dataclasses.dataclass(frozen=True)
class XMiniGrid:
    """An environment of XLand-MiniGrid, `inner`, with its parameters.

    `rulesets` are those that tasks are drawn from, stacked; `None`: that of `params`,
    or what the environment has in place of one.
    """

    inner: Any
    params: Any
    rulesets: Any
    spec: EnvironmentSpec

    def sample_task(self, key: Key[Array, ""]) -> State:
        """Draw one of the rulesets and lay it out; the key is consumed."""
        if self.rulesets is None:
            return self.task(key)
        choice_key, key = jax.random.split(key)
        count = self.rulesets.goal.shape[0]
        number = jax.random.randint(choice_key, (), 0, count)
        return self.task(key, jax.tree.map(lambda leaf: leaf[number], self.rulesets))

    def task(self, key: Key[Array, ""], ruleset: Any = None) -> State:
        """Lay out one `RuleSet`, by default the environment's own."""
        params = self.params
        if ruleset is not None:
            params = params.replace(ruleset=ruleset)
        start = self.inner.reset(params, key)
        # Only a reset of its own would use the key, and there is none.
        start = start.replace(state=start.state.replace(key=None))
        after = jax.eval_shape(self.inner.step, params, start, jnp.int32(0))
        return alike(after, start)

    def reset(self, key: Key[Array, ""], task: State) -> tuple[State, TimeStep]:
        """Begin where the task begins; the key is not used."""
        del key
        return task, self._timestep(task, jnp.zeros(1, jnp.int32), first=True)

    def step(
        self, key: Key[Array, ""], state: State, action: Int[Array, " 1"]
    ) -> tuple[State, TimeStep]:
        """Act; the rules fire, then the goal is judged. The key is not used."""
        del key
        after = alike(state, self.inner.step(self.params, state, action[0]))
        return after, self._timestep(after, action, first=False)

    def render(self, state: State) -> np.ndarray:
        """Draw a state from above: RGB uint8 `[32 H, 32 W, 3]`."""
        return self.inner.render(self.params, jax.device_get(state))

    def _timestep(self, state: State, action: Array, *, first: bool) -> TimeStep:
        terminated = state.discount == 0
        ended = state.last()
        return TimeStep(
            observation=state.observation[None],
            reward=state.reward[None],
            first=jnp.array(first),
            trial_end=ended,
            terminated=terminated,
            truncated=ended & ~terminated,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )


def load(
    id: str = "XLand-MiniGrid-R1-9x9",
    ruleset: Any = None,
    benchmark: Any = None,
    **parameters: Any,
) -> XMiniGrid:
    """Make the environment that XLand-MiniGrid calls `id`.

    Tasks are laid out from one `RuleSet`, or from a `benchmark`: a `Benchmark`, or the
    path of a safetensors file with its arrays `goals` `[M, 5]`, `rules` `[M, R, 7]` and
    `init_tiles` `[M, K, 2]`, uint8. Without either, from the environment's own, which
    for those named XLand-MiniGrid is empty: nothing is ever rewarded there.
    `parameters` are fields of its `EnvParams` (`max_steps=100`, `view_size=7`).

    Raises `Refusal` if XLand-MiniGrid is not installed, for an unknown id or parameter,
    and for a file that cannot be used.
    """
    try:
        import xminigrid
    except ModuleNotFoundError as error:
        raise missing("xminigrid", error) from error
    known = xminigrid.registered_environments()
    if id not in known:
        raise Refusal(
            f'XLand-MiniGrid has no environment "{id}". '
            f"Choose one of: {', '.join(known)}."
        )
    inner, params = xminigrid.make(id)
    _check_options(id, params, ruleset, benchmark, parameters)
    params = params.replace(**parameters)
    if ruleset is not None:
        params = params.replace(ruleset=jax.tree.map(jnp.asarray, ruleset))
    rulesets = None if benchmark is None else _rulesets(benchmark)
    tiles = ArraySpec(inner.observation_shape(params), "uint8", 0.0, _HIGHEST)
    spec = EnvironmentSpec(
        tiles, discrete(inner.num_actions(params)), reward_range=(0.0, 1.0)
    )
    return XMiniGrid(inner, params, rulesets, spec)


def _check_options(
    id: str, params: Any, ruleset: Any, benchmark: Any, parameters: dict[str, Any]
) -> None:
    fields = [field.name for field in dataclasses.fields(params)]
    has_rulesets = "ruleset" in fields
    known = [name for name in fields if name not in ("ruleset", "render_mode")]
    for name, value in parameters.items():
        if name not in known:
            raise Refusal(
                f'XLand-MiniGrid\'s {id} has no parameter "{name}". '
                f"It has: {', '.join(known)}."
            )
        default = getattr(params, name)
        if not isinstance(value, type(default)):
            raise Refusal(
                f"{name} is {value!r}, and XLand-MiniGrid's {id} has {default!r}: "
                f"give {'text' if isinstance(default, str) else 'a whole number'}."
            )
    if ruleset is not None and benchmark is not None:
        raise Refusal("Give a ruleset or a benchmark, not both.")
    if not has_rulesets and not (ruleset is None and benchmark is None):
        raise Refusal(
            f"{id} has a game of its own and takes neither ruleset nor benchmark; "
            "environments named XLand-MiniGrid do."
        )


def _rulesets(benchmark: Any) -> Any:
    """Stack the rulesets of a benchmark, or of a file with its arrays."""
    from xminigrid.types import RuleSet

    if isinstance(benchmark, str | Path):
        arrays = _read(Path(benchmark))
    else:
        arrays = {name: getattr(benchmark, name) for name in _AXES}
    return RuleSet(
        goal=jnp.asarray(arrays["goals"]),
        rules=jnp.asarray(arrays["rules"]),
        init_tiles=jnp.asarray(arrays["init_tiles"]),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """Read a benchmark's arrays; refuse a file that is not one."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise Refusal(f"There is no file {path}. Name a benchmark in safetensors.")
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise Refusal(
            f"{path} is no safetensors file ({error}). XLand-MiniGrid's own files are "
            "pickles, which can run code and are not read here; the documentation "
            "shows how to convert one."
        ) from error
    for name, (axes, last) in _AXES.items():
        array = arrays.get(name)
        if array is None:
            raise Refusal(
                f'{path} has no array "{name}". A benchmark has: {", ".join(_AXES)}.'
            )
        if array.dtype != np.uint8 or array.ndim != axes or array.shape[-1] != last:
            raise Refusal(
                f"{path}: {name} is {array.dtype} {list(array.shape)}; it must be "
                f"uint8 with {axes} axes, the last of {last}."
            )
    lengths = {name: len(arrays[name]) for name in _AXES}
    if len(set(lengths.values())) > 1 or not lengths["goals"]:
        listed = ", ".join(f"{count:,} {name}" for name, count in lengths.items())
        raise Refusal(f"{path} has {listed}; every ruleset needs one of each.")
    return arrays
