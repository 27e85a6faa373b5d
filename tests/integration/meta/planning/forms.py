"""The definitions of the state machine, in the forms that they take on the way; and as they are declared."""

from __future__ import annotations

from typing import Any

from penstock.assets.declare.catalogue import Asset, Catalogue, Input
from penstock.assets.declare.conditions.leaves import DatasetLeaf
from penstock.assets.declare.conditions.tree import AllOf, AnyOf
from penstock.assets.declare.dataset import Dataset
from penstock.assets.declare.policies import Each, Policies
from penstock.assets.declare.ticks.timetables import Every
from penstock.storage.types import Consume, OnError
from tests.integration.meta.planning.model import Spec, leaves

SOURCES = ("a.csv", "b.csv", "c.csv")
_MODES = {"batch": Consume.BATCH, "branch": Consume.BRANCH, "latest": Consume.LATEST}


def specs(*, y: str = "ab", x: str = "x", extra: bool = False, last: bool = True, timed: bool = True) -> list[Spec]:
    """The definitions, in some of their forms."""
    old = {"x": "x2", "x2": "x"}[x]
    found = [
        Spec(key="x", name=x, output="x.json", on="a.csv", reads=("a.csv",), pause_after=2, previously=old),
        Spec(key="y", name="y", output="y.json", on=("all", *(f"{one}.csv" for one in y)), reads=("a.csv",)),
        Spec(key="z", name="z", output="z.json", on=("any", "x.json", ("all", "b.csv", "c.csv")), mode="branch"),
        Spec(key="e", name="e", output="e.json", on="a.csv", reads=("a.csv",), mode="each"),
        Spec(key="s", name="s", output="s.json", on="b.csv", reads=("b.csv",), mode="each", skips_errors=True),
        Spec(key="t", name="t", output="t.json", on=("all", "tick", "a.csv"), reads=("a.csv",)),
        Spec(key="p", name="p", output="p.json", on=("any", "tick", "b.csv") if timed else ("any", "b.csv"), limit=2),
    ]
    if extra:
        found.append(Spec(key="n", name="n", output="n.json", on=("all", "a.csv", "x.json"), reads=("x.json",)))
    if last:
        found.append(Spec(key="l", name="l", output="l.json", on=("any", "a.csv", "y.json"), mode="latest"))
    return found


def condition(on: Any) -> Any:
    """A condition of the model, as one is declared."""
    if on == "tick":
        return Every("1h")
    if isinstance(on, str):
        return DatasetLeaf(uri=on)
    return {"all": AllOf, "any": AnyOf}[on[0]](children=tuple(condition(child) for child in on[1:]))


def declared(spec: Spec) -> Asset:
    """A definition of the model, as one is declared."""
    error = OnError.SKIP if spec.skips_errors else OnError.STOP
    consume: Any = Each(uri=next(leaves(spec.on)), on_error=error) if spec.mode == "each" else _MODES[spec.mode]
    return Asset(
        name=spec.name,
        outputs=(spec.output,),
        condition=condition(spec.on),
        inputs=tuple(Input(parameter=uri[0], uri=uri) for uri in spec.reads),
        previously=spec.previously,
        policies=Policies(consume=consume, max_active_runs=spec.limit, pause_after=spec.pause_after),
    )


def catalogue_of(wanted: list[Spec]) -> Catalogue:
    """These definitions; all datasets that there ever are stay declared."""
    uris = (*SOURCES, *(f"{key}.json" for key in "xyzestpnl"))
    return Catalogue(
        assets={spec.name: declared(spec) for spec in wanted}, datasets={uri: Dataset(uri) for uri in uris}
    )
