"""Digits: rewards, splits, exact performance, and MNIST's files."""

import gzip
import struct
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from allometry.environments import digits
from allometry.environments.digits import Digits, load
from allometry.refusal import Refusal

GOLDEN_FIRST = [6, 6, 6, 2, 5, 6, 6, 2, 2, 1, 1, 9]
GOLDEN_HELD_OUT = [8, 8, 9, 8, 3, 7, 5, 0, 6, 6, 3, 1]


@pytest.fixture(scope="module")
def sklearn_digits() -> Digits:
    return load()


def few(count: int = 6, training: int = 4) -> Digits:
    """Make digits whose pixels name them: image i is grey level i everywhere."""
    grey = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    labels = jnp.arange(count, dtype=jnp.int32) % 10
    return Digits(jnp.asarray(np.tile(grey, (1, 2, 2, 1))), labels, training, 255)


def test_the_right_label_gets_one_and_any_other_nothing() -> None:
    environment = few()
    state, _ = environment.reset(jax.random.key(0), environment.task("train"))
    right = environment.labels[state.digit][None]
    for action, reward in ((right, 1.0), (right + 1, 0.0)):
        _, timestep = environment.step(jax.random.key(1), state, action)
        assert timestep.reward.tolist() == [reward]
        assert timestep.extras["previous_action"].tolist() == action.tolist()


def test_transitions_ignore_the_action() -> None:
    environment = few()
    state, _ = environment.reset(jax.random.key(0), environment.task("train"))
    shown = [
        environment.step(jax.random.key(1), state, jnp.array([a]))[1].observation
        for a in (0, 7)
    ]
    np.testing.assert_array_equal(*shown)


@pytest.mark.parametrize(("split", "shown"), [("train", 4), ("held_out", 2)])
def test_digits_of_the_task_come_uniformly(split: str, shown: int) -> None:
    environment = few()
    draws = 4000

    def digit_after(key: jax.Array, action: jax.Array) -> tuple:
        state, begun = environment.reset(key, environment.task(split))
        state, then = environment.step(key, state, action)
        return begun.observation[0, 0, 0, 0], then.observation[0, 0, 0, 0]

    keys = jax.random.split(jax.random.key(2), draws)
    actions = jnp.zeros((draws, 1), jnp.int32)
    for seen in jax.vmap(digit_after)(keys, actions):
        indices = np.rint(np.asarray(seen) * 255).astype(int)
        counts = np.bincount(indices, minlength=6)
        start = 0 if split == "train" else 4
        inside = counts[start : start + shown]
        assert inside.sum() == draws
        sigma = np.sqrt(draws / shown * (1 - 1 / shown))
        assert np.abs(inside - draws / shown).max() < 4 * sigma


def test_the_training_task_is_all_training_digits() -> None:
    task = few().sample_task(jax.random.key(0))
    assert (int(task.start), int(task.stop)) == (0, 4)


def test_sklearn_split_is_whole_and_fixed(sklearn_digits: Digits) -> None:
    environment = sklearn_digits
    assert environment.images.shape == (1797, 8, 8, 1)
    assert environment.training == 1438
    everything = np.asarray(environment.images).reshape(1797, -1)
    # Golden: a split that moved would make stored studies incomparable.
    assert np.asarray(environment.labels[:12]).tolist() == GOLDEN_FIRST
    assert np.asarray(environment.labels[1438:1450]).tolist() == GOLDEN_HELD_OUT
    train = {row.tobytes() for row in everything[:1438]}
    held_out = {row.tobytes() for row in everything[1438:]}
    assert not train & held_out
    counts = np.bincount(environment.labels[1438:], minlength=10)
    assert counts.min() > 20


def test_pixels_fill_the_unit_interval(sklearn_digits: Digits) -> None:
    task = sklearn_digits.task("held_out")
    keys = jax.random.split(jax.random.key(0), 64)
    _, shown = jax.vmap(sklearn_digits.reset, (0, None))(keys, task)
    assert float(shown.observation.min()) == 0.0
    assert float(shown.observation.max()) == 1.0


def test_images_are_not_baked_into_the_program(sklearn_digits: Digits) -> None:
    lowered = jax.jit(lambda e, k: e.reset(k, e.sample_task(k))).lower(
        sklearn_digits, jax.random.key(0)
    )
    assert len(lowered.as_text()) < sklearn_digits.images.size


def test_performance_is_the_exact_expected_reward() -> None:
    environment = few()

    def policy(images: jax.Array) -> jax.Array:
        """Name digit i with probability .5 if i is even, .25 if it is odd."""
        i = jnp.rint(images[:, 0, 0, 0] * 255).astype(int)
        share = jnp.where(i % 2 == 0, 0.5, 0.25)[:, None]
        return jnp.where(jnp.arange(10) == i[:, None], share, (1 - share) / 9)

    performance = environment.performance(policy)
    assert performance["train"] == pytest.approx(0.375)
    assert performance["held_out"] == pytest.approx(0.375)
    certain = environment.performance(
        lambda images: jnp.broadcast_to(jnp.arange(10) == 4.0, (len(images), 10)) * 1.0
    )
    assert {k: float(v) for k, v in certain.items()} == {"train": 0, "held_out": 0.5}


def test_chance_is_the_performance_of_a_uniform_policy(sklearn_digits: Digits) -> None:
    uniform = sklearn_digits.performance(lambda o: jnp.full((len(o), 10), 0.1))
    for score in uniform.values():
        assert float(score) == pytest.approx(sklearn_digits.chance, rel=1e-5)


def test_performance_in_slices_equals_performance_at_once(
    sklearn_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = jax.random.normal(jax.random.key(3), (64, 10))

    def policy(images: jax.Array) -> jax.Array:
        return jax.nn.softmax(images.reshape(len(images), -1) @ weights)

    at_once = jax.jit(lambda digits: digits.performance(policy))(sklearn_digits)
    monkeypatch.setattr(digits, "SLICE_PIXELS", 64 * 100)
    sliced = jax.jit(lambda digits: digits.performance(policy))(sklearn_digits)
    for split, score in at_once.items():
        assert float(sliced[split]) == pytest.approx(float(score), rel=1e-5)


def mnist(folder: Path, **changes: np.ndarray) -> Path:
    """Write four small IDX files of random digits, gzipped where held out."""
    draw = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": draw.integers(0, 256, (9, 28, 28)),
        "train-labels-idx1-ubyte": draw.integers(0, 10, 9),
        "t10k-images-idx3-ubyte": draw.integers(0, 256, (4, 28, 28)),
        "t10k-labels-idx1-ubyte": draw.integers(0, 10, 4),
    }
    for name, array in arrays.items():
        array = changes.get(name.replace("-", "_"), array)
        header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        content = header + array.astype(np.uint8).tobytes()
        if name.startswith("t10k"):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def test_mnist_keeps_its_own_split(tmp_path: Path) -> None:
    labels = np.arange(4)
    environment = load(mnist(tmp_path, t10k_labels_idx1_ubyte=labels))
    assert environment.images.shape == (13, 28, 28, 1)
    assert environment.training == 9
    assert environment.labels[9:].tolist() == labels.tolist()
    _, timestep = environment.reset(jax.random.key(0), environment.task("held_out"))
    assert timestep.observation.shape == (1, 28, 28, 1)
    assert 0.9 < float(timestep.observation.max()) <= 1.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train_labels_idx1_ubyte": np.zeros(8)}, "9 images .* 8 labels"),
        (
            {"t10k_labels_idx1_ubyte": np.array([1, 2, 10, 3])},
            "t10k-labels-idx1-ubyte.gz: label 2 .*is 10",
        ),
        (
            {
                "t10k_images_idx3_ubyte": np.zeros((0, 28, 28)),
                "t10k_labels_idx1_ubyte": np.zeros(0),
            },
            "t10k-images-idx3-ubyte.gz has no images",
        ),
        ({"t10k_images_idx3_ubyte": np.zeros((4, 8, 8))}, "belong together"),
        ({"train_images_idx3_ubyte": np.zeros(9)}, "train-images-idx3-ubyte does not"),
    ],
)
def test_refuses_files_that_do_not_fit(
    tmp_path: Path, changes: dict[str, np.ndarray], sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        load(mnist(tmp_path, **changes))


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r'There is no folder .*"sklearn"'):
        load(tmp_path / "nowhere")
