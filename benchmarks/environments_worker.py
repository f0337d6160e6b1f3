"""One environment for `benchmarks/environments.py`, under any interpreter that has it.

Prints a line of JSON once it is compiled; then, for every line on stdin, steps for a
while and prints how fast that went. So several of them take turns on one machine.
Uses nothing of this project but the environment that it times.
"""

import argparse
import json
import sys
import time

import jax
import jax.numpy as jnp


def xland(options):
    """XLand: a task of its own for each copy; a reset takes its neighbour's."""
    from allometry.environments.xland import XLand, preset

    environment = XLand(
        preset(options.preset, **json.loads(options.dials)), observation=options.view
    )
    copies, dials = options.copies, environment.dials
    keys = jax.random.split(jax.random.key(0), (2, copies))
    # A pool of tasks, drawn beforehand as a trainer's sampler does.
    tasks = jax.jit(jax.vmap(environment.sample_task))(keys[0])
    state, _ = jax.jit(jax.vmap(environment.reset))(keys[1], tasks)
    # Episodes end at different times, as they do in training.
    time = jax.random.randint(jax.random.key(1), (copies,), 0, dials.duration)
    shape = (copies, dials.players, *environment.spec.action.shape)

    def step(state, key):
        keys = jax.random.split(key, 3)
        action = jax.random.randint(keys[0], shape, 0, 3)
        tasks = jax.tree.map(lambda field: jnp.roll(field, 1, 0), state.task)
        state, timestep = jax.vmap(environment.step)(
            jax.random.split(keys[1], copies), state, action
        )
        fresh, begun = jax.vmap(environment.reset)(
            jax.random.split(keys[2], copies), tasks
        )
        ended = timestep.truncated | timestep.terminated
        state, observation = jax.tree.map(
            lambda new, old: jnp.where(
                ended.reshape(-1, *[1] * (old.ndim - 1)), new, old
            ),
            (fresh, begun.observation),
            (state, timestep.observation),
        )
        return state, (observation, timestep.reward)

    size = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) / copies
    return step, state._replace(time=time), {"state_bytes": size}


def xminigrid(options):
    """XLand-MiniGrid R4-13x13 with four rules, reset by its own wrapper."""
    import xminigrid
    from xminigrid.wrappers import GymAutoResetWrapper

    environment, parameters = xminigrid.make("XLand-MiniGrid-R4-13x13")
    ruleset = parameters.ruleset
    four = ruleset.replace(rules=jnp.tile(ruleset.rules[:1], (4, 1)))
    parameters = parameters.replace(ruleset=four)
    environment = GymAutoResetWrapper(environment)
    copies, actions = options.copies, environment.num_actions(parameters)
    keys = jax.random.split(jax.random.key(0), copies)
    begun = jax.jit(jax.vmap(environment.reset, (None, 0)))(parameters, keys)

    def step(timestep, key):
        action = jax.random.randint(key, (copies,), 0, actions)
        timestep = jax.vmap(environment.step, (None, 0, 0))(
            parameters, timestep, action
        )
        return timestep, (timestep.observation, timestep.reward)

    return step, begun, {}


def kinetix(options):
    """Kinetix, size s, entities; every episode of a copy begins with the same level."""
    from kinetix.environment import (
        ActionType,
        EnvParams,
        ObservationType,
        UEDParams,
        make_kinetix_env,
        sample_kinetix_level,
        static_env_params_from_size,
    )

    size, parameters = static_env_params_from_size("s"), EnvParams()
    bare = make_kinetix_env(
        ActionType.MULTI_DISCRETE,
        ObservationType.SYMBOLIC_ENTITY,
        None,
        parameters,
        size,
    )
    level = sample_kinetix_level(
        jax.random.PRNGKey(0), bare.physics_engine, parameters, size, UEDParams()
    )
    environment = make_kinetix_env(
        ActionType.MULTI_DISCRETE,
        ObservationType.SYMBOLIC_ENTITY,
        lambda key: level,
        parameters,
        size,
    )
    copies = options.copies
    keys = jax.random.split(jax.random.PRNGKey(0), copies)
    _, state = jax.jit(jax.vmap(environment.reset, (0, None)))(keys, parameters)
    space = environment.action_space(parameters)

    def step(state, key):
        keys = jax.random.split(key, copies)
        action = jax.vmap(space.sample)(keys)
        observation, state, reward, _, _ = jax.vmap(environment.step, (0, 0, 0, None))(
            keys, state, action, parameters
        )
        return state, (observation, reward)

    return step, state, {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["xland", "xminigrid", "kinetix"])
    parser.add_argument("--view", default="entities")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--dials", default="{}", help="JSON")
    parser.add_argument("--copies", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    step, carry, about = globals()[options.what](options)

    def counted(carry, key):
        carry, shown = step(carry, key)
        # All that is shown is used, so that nothing of it is left uncomputed.
        total = sum(leaf.astype(jnp.float32).sum() for leaf in jax.tree.leaves(shown))
        return carry, total

    @jax.jit
    def run(carry, key):
        return jax.lax.scan(counted, carry, jax.random.split(key, options.steps))

    began = time.perf_counter()
    compiled = run.lower(carry, jax.random.PRNGKey(0)).compile()
    about["compile_seconds"] = time.perf_counter() - began
    carry, _ = jax.block_until_ready(compiled(carry, jax.random.PRNGKey(0)))
    about["device"] = jax.devices()[0].device_kind
    print(json.dumps(about), flush=True)
    for number, _ in enumerate(sys.stdin):
        began = time.perf_counter()
        carry, _ = jax.block_until_ready(compiled(carry, jax.random.PRNGKey(number)))
        spent = time.perf_counter() - began
        print(json.dumps(options.copies * options.steps / spent), flush=True)


if __name__ == "__main__":
    main()
