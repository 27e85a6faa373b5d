"""Ids and worker names: what others rely on when a process is gone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest

from penstock.assets.run.identity import gone, new_id, new_ids, now, worker_name


def test_an_id_is_a_uuid_of_version_7() -> None:
    """RFC 9562: version and variant are where they belong, and the first 48 bits are the time in milliseconds."""
    before = datetime.now(UTC).timestamp()
    made = UUID(new_id())
    after = datetime.now(UTC).timestamp()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert int(before * 1000) <= made.int >> 80 <= int(after * 1000)


def test_ids_are_never_twice_the_same() -> None:
    """A thousand of one millisecond, or nearly, are all different."""
    assert len({new_id() for _ in range(1000)}) == 1000


def test_many_ids_are_in_their_order() -> None:
    """More than a millisecond has numbers for: each greater than the one before, and the next one greater than all."""
    assert new_ids(0) == []
    made = [*new_ids(5000), new_id(), *new_ids(2)]
    assert len(set(made)) == 5003
    assert made == sorted(made)


def test_the_time_is_aware_and_utc() -> None:
    """Whatever zone the machine stands in."""
    assert now().tzinfo is UTC


def test_a_worker_is_here_while_its_process_lives_and_gone_after() -> None:
    """This process is not gone; one that has ended is, and another that got its number would not be taken for it."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; from penstock.assets.run.identity import *; print(worker_name()); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not gone(name)
        child.stdin.write("\n")
    assert gone(name)
    host, pid, start = worker_name().split("/")
    assert (host, int(pid)) == (socket.gethostname(), os.getpid())
    assert not gone(worker_name())
    assert gone(f"{host}/{pid}/{int(start) + 1}")


@pytest.mark.parametrize("name", ["elsewhere/1/1", "", "nonsense", "a/b", f"{socket.gethostname()}/x/1"])
def test_a_worker_that_cannot_be_judged_is_not_gone(name: str) -> None:
    """Another host's, or a name that nobody here gave: left alone."""
    assert not gone(name)
