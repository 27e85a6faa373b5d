"""A case: one asset, with all that is known when it is decided what to do with it."""

from __future__ import annotations

from dataclasses import dataclass

from ..declare.catalogue import Asset
from .graph import Graph
from .state import AssetState, Request, State
from .verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One asset, or one partition of it, to be decided on.

    Attributes
    ----------
    request: what a person asked for; None: nobody did.
    partition: the key, of a partition.
    verdict: what its condition means now; None without one, or where a request makes it of no account.
    """

    graph: Graph
    state: State
    asset: Asset
    own: AssetState
    request: Request | None
    verdict: Verdict | None
    partition: str = ""
