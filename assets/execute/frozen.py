"""Loaded last by the server that warm processes are forked from: what is in memory by then is never collected.

So Python's collector leaves those pages alone, and the processes go on sharing them.

And SIGTERM is not for the server, nor the SIGHUP of a terminal that is closed: who ends a whole group of processes
would end it before those that need it until they have ended in order. It ends when they are gone.
"""

from __future__ import annotations

import gc
import signal

gc.freeze()
gc.enable()  # it is off while modules are loaded, where `nursery.py` has made the server
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
