"""Ray: how a cluster is joined and asked, with a stand-in for Ray."""

import types

import pytest

from allometry.launching import ray
from allometry.launching.worker import Worker
from allometry.refusal import Refusal


class RayError(Exception):
    pass


class AuthenticationError(RayError):
    pass


class Ray:
    """Two nodes of 4 cores, a dead one of 64; keeps what it was asked."""

    exceptions = types.SimpleNamespace(
        RayError=RayError, AuthenticationError=AuthenticationError
    )

    def __init__(self, error=None, gpus=()):
        self._error, self._gpus, self.asked = error, gpus, []

    def init(self, **options):
        raise self._error

    def cluster_resources(self):
        return {"CPU": 8.0, **dict(self._gpus)}

    def nodes(self):
        small = {"Alive": True, "Resources": {"CPU": 4.0}}
        gpu = {"Alive": True, "Resources": {"CPU": 2.0, **dict(self._gpus)}}
        gone = {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}
        return [small, gpu, gone]

    def remote(self, **options):
        task = types.SimpleNamespace(remote=lambda *told: self.asked.append(told))
        return lambda function: task


@pytest.fixture
def reached(monkeypatch):
    """Let every address be one where somebody listens."""
    answer = types.SimpleNamespace(close=lambda: None)
    monkeypatch.setattr("socket.create_connection", lambda *where: answer)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AuthenticationError("Invalid token"), "another token.*RAY_AUTH_TOKEN_PATH"),
        (RayError("x\nthe version differs."), "reached: the version differs. Start"),
        (ConnectionError("no"), "cannot be reached: no. Start it"),
    ],
)
def test_a_cluster_that_does_not_take_this_process_is_told(reached, error, words):
    with pytest.raises(Refusal, match=words):
        ray._join(Ray(error), "a:1")


def test_a_name_that_no_host_can_have_is_told():
    with pytest.raises(Refusal, match=r"cluster at a\.\.b:1 cannot be reached"):
        ray._join(Ray(), "a..b:1")


def test_workers_leave_the_law_to_the_command():
    asked = Ray()
    ray.Cluster(asked, own=False).start(Worker("store", 10.0, 60.0), 2, 1.0)
    assert [words[-1] for words, _ in asked.asked] == ["--no-conclude"] * 2


def test_a_worker_larger_than_any_node_is_told():
    joined = ray.Cluster(Ray(), own=False)
    assert joined.lack(4.0) is None
    assert joined.lack(4.5).startswith("No node of the cluster has 4.5 cores, which")
    with pytest.raises(Refusal, match=r"64 cores, .* give fewer --cpus-per-worker"):
        ray.Cluster(Ray(), own=True).lack(64.0)


def test_a_worker_that_takes_a_gpu_needs_its_cores_beside_it():
    cluster = ray.Cluster(Ray(gpus={"GPU": 1.0}), own=False)
    assert cluster.lack(2.0) is None
    assert "has 3 cores and a GPU, which" in cluster.lack(3.0)
