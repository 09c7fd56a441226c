"""What the environment says of a cluster is looked at before anything is loaded."""

import socket

import pytest

from xlkb.commands import reproduce
from xlkb.commands.reproduce import side_by_side
from xlkb.scoring import engines

REQUEST = ["--engine", "ray", "--only", "02"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (engines.CPUS, "abc"),
        (engines.CPUS, "-1"),
        (engines.GPUS, "0.5"),
        ("RAY_ADDRESS", "10.0.0.1"),
        ("RAY_ADDRESS", "10.0.0.1:head"),
    ],
)
def test_what_no_cluster_can_be_is_refused_by_name(name, value, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    assert reproduce.main(REQUEST) == 2
    assert f"{name}={value}: it must be" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["{}", "ray://{}"])
def test_a_cluster_that_does_not_answer_is_refused_at_once(kind, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("RAY_ADDRESS", kind.format(f"127.0.0.1:{port}"))
        engines.check("ray")
    assert reproduce.main(REQUEST) == 2
    assert f":{port}: no cluster answers there" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "auto", "local"])
def test_a_cluster_that_ray_finds_or_starts_has_no_address(address, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setenv(engines.CPUS, "0")
    engines.check("ray")


def test_workers_larger_than_every_node_are_refused_where_no_node_will_come(monkeypatch, capsys):
    nodes = [{"CPU": 2.0}, {"CPU": 4.0, "GPU": 1.0}]
    monkeypatch.setenv(engines.CPUS, "64")
    with pytest.raises(ValueError, match=r"takes 64 CPUs .* largest node has 4: make"):
        side_by_side._has_room(nodes, own=True)
    side_by_side._has_room(nodes, own=False)
    assert "largest node has 4: this waits" in capsys.readouterr().err
    monkeypatch.setenv(engines.CPUS, "4")
    side_by_side._has_room(nodes, own=True)
    assert not capsys.readouterr().err
