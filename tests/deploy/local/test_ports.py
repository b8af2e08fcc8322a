"""A port that was chosen is still free when its server starts."""

import socket

from onerouter_local.ports import LOOPBACK, _first_outgoing, _walk_of, free_port, free_ports


def test_none_is_one_that_an_outgoing_connection_may_be_given() -> None:
    assert all(port < _first_outgoing() for port in free_ports(20))


def test_what_is_taken_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, free_port()))
        taken.listen()
        port: int = taken.getsockname()[1]
        assert port not in free_ports(200)
        assert free_port(port) != port
    assert free_port(port) == port


def test_none_comes_twice_and_processes_choose_elsewhere() -> None:
    ours = [*free_ports(30), *free_ports(30)]
    assert len(set(ours)) == 60
    mine, next_ones = _walk_of(4_000_001), _walk_of(4_000_002)
    assert not {next(mine) for _ in range(60)} & {next(next_ones) for _ in range(60)}
