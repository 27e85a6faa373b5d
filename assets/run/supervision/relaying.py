"""The relay as a part of its own: lineage leaves the outbox, whoever wrote it there."""

from __future__ import annotations

from multiprocessing.connection import Connection

from ....lineage.relay import Relay
from ....storage.types import PartKind
from ..attempt.delivery import destinations
from ..project.project import open_store
from .order import Order
from .part import BEAT, Part


def run_relay(order: Order, line: Connection) -> None:
    """Deliver until asked to stop, then what is due: the process of a relay. No code of the project is loaded."""
    part = Part(PartKind.RELAY, line)
    settings = order.settings()
    with open_store(settings) as store:
        with Relay(store, destinations(settings)) as relay:
            part.beat(store, now=True)
            part.ready()
            while not part.stopping:
                served = relay.deliveries()
                part.doing = ", ".join(
                    f"{one.delivered} events to {one.destination.rpartition('/')[2]}"
                    + (f" ({one.error})" if one.error and one.error != "no answer yet" else "")
                    for one in served
                )
                part.patiently(lambda: part.beat(store))
                part.wait((), BEAT / 2)
        part.end(store)
