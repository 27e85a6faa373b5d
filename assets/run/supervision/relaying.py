"""The relay as a part of its own: lineage leaves the outbox, and people are told, whoever wrote it there.

A pass follows what is written, a moment later: what comes after it goes along, and no run has to wait for it.
"""

from __future__ import annotations

from multiprocessing.connection import Connection

from ....lineage.couriers import Delivery
from ....lineage.relay import Relay
from ....storage.meta.database.bell import Topic
from ....storage.types import PartKind
from ..attempt.delivery import destinations
from ..notifying.notify import notifying
from ..project.project import open_store
from .order import Order
from .part import IDLE, LOOK, Part

_MOMENT = 0.5
"""Seconds from the ring to the pass; and between two passes where no ring can be heard."""


def run_relay(order: Order, line: Connection) -> None:
    """Deliver until asked to stop, then what is due: the process of a relay. No code of the project is loaded."""
    part = Part(PartKind.RELAY, line)
    settings = order.settings()
    with open_store(settings) as store, store.listener(Topic.RELAY) as bell:
        relay = Relay(store, destinations(settings), interval=None)
        with relay, notifying(store, settings, interval=None) as telling:
            part.beat(store, now=True)
            part.ready()
            while not part.stopping:
                rung = bell.heard()
                if rung or not bell.waitables():
                    part.wait((), _MOMENT)
                relay.wake()
                telling.wake()
                served = [_worded(one, "events") for one in relay.deliveries()]
                served += [_worded(one, "messages") for one in telling.deliveries()]
                part.doing = ", ".join(served)
                part.patiently(lambda: part.beat(store))
                if heard := bell.waitables():
                    part.wait(heard, LOOK if rung else IDLE)  # then what became of it is told
        part.end(store)


def _worded(one: Delivery, what: str) -> str:
    trouble = f" ({one.error})" if one.error and one.error != "no answer yet" else ""
    return f"{one.delivered} {what} to {one.destination.rpartition('/')[2]}{trouble}"
