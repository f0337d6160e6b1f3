"""Foreign: a sentence for a missing library, and types that a scan can carry."""

import jax.numpy as jnp

from allometry.environments.foreign import alike, missing
from allometry.refusal import Refusal


def test_only_the_library_itself_is_said_to_be_missing() -> None:
    absent = ModuleNotFoundError("No module named 'gymnax'", name="gymnax")
    said = missing("gymnax", absent)
    assert isinstance(said, Refusal)
    assert "gymnax is not installed" in str(said)
    inside = ModuleNotFoundError("No module named 'six'", name="six")
    assert missing("gymnax", inside) is inside


def test_alike_takes_types_from_the_model_and_numbers_from_the_tree() -> None:
    model = {"a": jnp.float32(1.5), "b": jnp.zeros(2, jnp.uint8)}
    given = alike(model, {"a": 7, "b": jnp.ones(2, jnp.int32)})
    assert given["a"].dtype == jnp.float32
    assert not given["a"].weak_type
    assert given["a"] == 7
    assert given["b"].dtype == jnp.uint8
