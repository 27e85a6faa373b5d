"""Loaded last by the server that warm processes are forked from: what is in memory by then is never collected.

So Python's collector leaves those pages alone, and the processes go on sharing them.
"""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()
