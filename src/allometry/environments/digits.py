"""Handwritten digits: the smallest environment with a real scaling law.

Each step shows one digit drawn uniformly; the action names a label and the reward
is 1 if it is right. Transitions ignore the action, and no episode ends: the horizon
is set through the agent's discount alone (Hilton, Tang, Schulman 2023,
arXiv 2301.13442, their MNIST environment). A task is a range of digits, so that
training and held-out digits are two tasks of one environment.
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from allometry.environments import idx
from allometry.environments.environment import TimeStep
from allometry.refusal import Refusal
from allometry.specs import ArraySpec, EnvironmentSpec

LABELS = 10

#: Pixels that `performance` shows to the policy at once: bounds its memory.
SLICE_PIXELS = 2**18

#: Seeds the one split of scikit-learn's digits, whatever the seed of a run.
SPLIT_SEED = 0
HELD_OUT_SHARE = 0.2


class Task(NamedTuple):
    """The digits that may be shown: indices `start` ≤ i < `stop`."""

    start: Int[Array, ""]
    stop: Int[Array, ""]


class State(NamedTuple):
    """The task and the index of the digit that is shown."""

    task: Task
    digit: Int[Array, ""]


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["images", "labels"],
    meta_fields=["training", "white"],
)
@dataclasses.dataclass(frozen=True)
class Digits:
    """Digits to name: the first `training` of the M images train, the others do not.

    `images` `[M, H, W, 1]` are grey levels 0 … `white`, kept as bytes and shown as
    float32 in [0, 1]; `labels` are int32 `[M]`. Pass it through `jit` as an argument:
    closed over, the images would be baked into the program.
    """

    # Typed loosely: JAX rebuilds a pytree with leaves that need not be arrays.
    images: Any
    labels: Any
    training: int
    white: int

    @property
    def spec(self) -> EnvironmentSpec:
        """One player sees an image `[H, W, 1]` and names one of ten labels."""
        image = ArraySpec(tuple(self.images.shape[1:]), "float32", 0.0, 1.0)
        return EnvironmentSpec(
            image,
            ArraySpec((), "int32", num_values=LABELS),
            reward_range=(0.0, 1.0),
            episodic=False,
        )

    @property
    def chance(self) -> float:
        """Reward per step of naming labels uniformly at random."""
        return 1 / LABELS

    def task(self, split: str) -> Task:
        """Give the task of a split, "train" or "held_out"."""
        start, stop = self._range(split)
        return Task(jnp.int32(start), jnp.int32(stop))

    def sample_task(self, key: Key[Array, ""]) -> Task:
        """Give the one training task: all training digits."""
        del key
        return self.task("train")

    def reset(self, key: Key[Array, ""], task: Task) -> tuple[State, TimeStep]:
        """Show a first digit; the key is consumed."""
        state = State(task, _draw(key, task))
        return state, self._show(
            state, jnp.zeros(1), jnp.zeros(1, jnp.int32), first=True
        )

    def step(
        self, key: Key[Array, ""], state: State, action: Int[Array, " 1"]
    ) -> tuple[State, TimeStep]:
        """Reward the label named by `action` and show a new digit."""
        reward = (action == self.labels[state.digit]).astype(jnp.float32)
        state = State(state.task, _draw(key, state.task))
        return state, self._show(state, reward, action, first=False)

    def performance(
        self, policy: Callable[[Float[Array, "B H W 1"]], Float[Array, "B 10"]]
    ) -> dict[str, Float[Array, ""]]:
        """Give the exact expected reward per step on each split.

        `policy` maps observations to action probabilities. It must treat each
        observation alone: they are shown in slices, to bound memory.
        """
        return {split: self._score(policy, split) for split in ("train", "held_out")}

    def _score(self, policy: Callable[[Array], Array], split: str) -> Float[Array, ""]:
        start, stop = self._range(split)

        def reward(images: Array, labels: Array) -> Array:
            probabilities = policy(self._shown(images))
            return jnp.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]

        images, labels = self.images[start:stop], self.labels[start:stop]
        at_once = max(1, SLICE_PIXELS // self.spec.observation.size)
        if stop - start <= at_once:
            return reward(images, labels).mean()

        def reward_of_one(pair: tuple[Array, Array]) -> Array:
            return reward(pair[0][None], pair[1][None])[0]

        return jax.lax.map(reward_of_one, (images, labels), batch_size=at_once).mean()

    def _range(self, split: str) -> tuple[int, int]:
        ranges = {
            "train": (0, self.training),
            "held_out": (self.training, self.images.shape[0]),
        }
        return ranges[split]

    def _show(
        self, state: State, reward: Array, action: Array, first: bool
    ) -> TimeStep:
        never = jnp.array(False)
        return TimeStep(
            observation=self._shown(self.images[state.digit])[None],
            reward=reward,
            first=jnp.array(first),
            trial_end=never,
            terminated=never,
            truncated=never,
            player_mask=jnp.ones(1, bool),
            extras={"previous_action": action},
        )

    def _shown(self, images: Array) -> Array:
        return images.astype(jnp.float32) / self.white


def load(source: str | Path = "sklearn") -> Digits:
    """Load scikit-learn's 1,797 digits (8×8), or the IDX files in a folder (28×28).

    scikit-learn's split is one fixed permutation: it does not change with a run's
    seed. The IDX files' split is their own. Raises `Refusal` if a file is missing,
    damaged, or does not fit the others.
    """
    return _from_sklearn() if source == "sklearn" else _from_idx(Path(source))


def _from_sklearn() -> Digits:
    from sklearn.datasets import load_digits  # imported late: it takes a second

    bunch = load_digits()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(bunch.target))
    images = bunch.images[order][..., None].astype(np.uint8)
    labels = bunch.target[order].astype(np.int32)
    training = round(len(order) * (1 - HELD_OUT_SHARE))
    return Digits(jnp.asarray(images), jnp.asarray(labels), training, white=16)


def _from_idx(folder: Path) -> Digits:
    if not folder.is_dir():
        raise Refusal(
            f'There is no folder {folder}. Name "sklearn", or a folder with the four '
            "IDX files of MNIST."
        )
    images, labels = _pair(folder, "train")
    held_out_images, held_out_labels = _pair(folder, "t10k")
    if images.shape[1:] != held_out_images.shape[1:]:
        raise Refusal(
            f"In {folder} the training images are {images.shape[1:]} pixels and the "
            f"held-out ones {held_out_images.shape[1:]}. "
            "Use files that belong together."
        )
    return Digits(
        jnp.asarray(np.concatenate([images, held_out_images])[..., None]),
        jnp.asarray(np.concatenate([labels, held_out_labels]).astype(np.int32)),
        len(images),
        white=255,
    )


def _pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of one part of MNIST and check that they fit."""
    images_path = idx.find(folder, f"{part}-images-idx3-ubyte")
    labels_path = idx.find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = idx.read(images_path, axes=3), idx.read(labels_path, axes=1)
    if len(images) != len(labels):
        raise Refusal(
            f"{images_path} has {len(images):,} images and {labels_path} has "
            f"{len(labels):,} labels. Use files that belong together."
        )
    if images.size == 0:
        raise Refusal(f"{images_path} has no images in it. {idx.AGAIN}")
    if labels.max() >= LABELS:
        where = int(np.argmax(labels >= LABELS))
        raise Refusal(
            f"{labels_path}: label {where:,} (counted from 0) is {labels[where]}, and "
            f"only 0 to {LABELS - 1} name a digit. {idx.AGAIN}"
        )
    return images, labels


def _draw(key: Key[Array, ""], task: Task) -> Int[Array, ""]:
    return jax.random.randint(key, (), task.start, task.stop)
