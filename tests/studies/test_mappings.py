"""Mappings: what is compiled is given up before the limit, and compiled again."""

import jax
import jax.numpy as jnp
import pytest

from allometry.studies import mappings


@pytest.fixture
def limit(tmp_path, monkeypatch):
    """Let a process have as many mappings as asked, three of which are taken."""

    def give(count):
        (tmp_path / "maps").write_text("one\ntwo\nthree\n")
        (tmp_path / "limit").write_text(f"{count}\n")
        monkeypatch.setattr(mappings, "_TAKEN", tmp_path / "maps")
        monkeypatch.setattr(mappings, "_LIMIT", tmp_path / "limit")

    return give


def test_the_share_is_of_the_limit(limit) -> None:
    limit(12)
    assert mappings.share() == 0.25


def test_nobody_counts_where_there_is_no_such_file(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mappings, "_TAKEN", tmp_path / "none")
    assert mappings.share() == 0.0
    assert not mappings.relieve()


def test_programs_are_given_up_near_the_limit_and_made_again(limit) -> None:
    traced = []

    @jax.jit
    def double(x):
        traced.append(x)
        return 2 * x

    for _ in range(2):
        assert double(jnp.float32(3.0)) == 6.0
    assert len(traced) == 1
    limit(12)
    assert not mappings.relieve()
    assert double(jnp.float32(3.0)) == 6.0
    assert len(traced) == 1
    limit(4)  # three of four
    assert mappings.relieve()
    assert double(jnp.float32(3.0)) == 6.0
    assert len(traced) == 2
