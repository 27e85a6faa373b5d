"""What remains of an asset that somebody asked for, with what it reads: plain values, kept between two steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ....storage.meta.waiting_runs import Stand
from ....storage.types import RunState
from ..ending import SUPERSEDED

Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is still to be done.

    Attributes
    ----------
    wanted: asset → the keys that are still to be planned; none of an asset that is planned as a whole.
    runs: id → asset and key, of those that were recorded and have not ended.
    failed: assets of which something failed a moment ago: that holds back what is asked for downstream of them.
    fallen: the same of partitions: asset, or URI of what others write → keys.
    """

    wanted: Names
    runs: Names = field(default_factory=dict[str, tuple[str, ...]])
    failed: tuple[str, ...] = ()
    fallen: Names = field(default_factory=dict[str, tuple[str, ...]])

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "wanted": {name: list(keys) for name, keys in self.wanted.items()},
            "runs": {run_id: list(what) for run_id, what in self.runs.items()},
            "failed": list(self.failed),
            "fallen": {name: list(keys) for name, keys in self.fallen.items()},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Remaining:
        """What `to_plain` gave."""
        wanted, runs, fallen = (
            {name: tuple(several) for name, several in plain[key].items()} for key in ("wanted", "runs", "fallen")
        )
        return cls(wanted=wanted, runs=runs, failed=tuple(plain["failed"]), fallen=fallen)

    def after(self, stands: Mapping[str, Stand]) -> Remaining:
        """The same once the runs stand so: those that have ended are left out, those that were given up because the
        code changed are wanted again."""
        left = self
        for run_id, (asset, key) in self.runs.items():
            stand = stands.get(run_id)
            if stand is not None and not stand.ended:
                continue
            left = replace(left, runs={one: what for one, what in left.runs.items() if one != run_id})
            if stand is not None and stand.given_up(SUPERSEDED):
                left = replace(left, wanted={**left.wanted, asset: (*left.wanted.get(asset, ()), *([key] * bool(key)))})
            elif stand is None or stand.state in (RunState.FAILED, RunState.CANCELED):
                left = left.but(asset, key)
        return left

    def but(self, asset: str, key: str) -> Remaining:
        """This was not made: it holds back what is asked for downstream."""
        if key:
            return replace(self, fallen={**self.fallen, asset: (*self.fallen.get(asset, ()), key)})
        return replace(self, failed=tuple({*self.failed, asset}))
