"""The grounds of a decision: from the facts of a case to the reason that is stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ...storage.types import Fanout, ReasonKind
from ..declare.conditions.leaves import DatasetLeaf, dataset_leaves
from ..declare.partitions.mapping.mappings import Fanned
from .case import Case
from .graph import Graph
from .key import RunKey, difference, same
from .reasons import Reason
from .taking import causes
from .verdict import Verdict

_WHY_UNCHANGED = {
    False: "same inputs, code and parameters",
    True: "same probe, code and parameters",  # of a source
}


def unchanged(case: Case, key: RunKey, late: datetime | None) -> Reason | None:
    """Why making the asset again could give nothing new; None when it could: semantics §4, "Unchanged"."""
    asset, own = case.asset, case.own
    if not (own.complete and own.present and own.made_from is not None and same(own.made_from, key.parts)):
        return None
    by_time = [leaf for leaf in causes(asset, case.verdict) if leaf.leaf is None] if case.request is None else []
    if (by_time or late is not None) and case.request is None and not asset.policies.pure:
        return None
    if any(not leaf.ticks for leaf in by_time):  # stale: only an execution makes it fresh again
        return None
    if not asset.inputs and not asset.source:
        return None
    news = () if case.request else tuple(sorted({origin(case.graph, leaf) for leaf in causes(asset, case.verdict)}))
    return Reason(kind=ReasonKind.UNCHANGED, names=news, detail=_WHY_UNCHANGED[asset.source])


_NAMED = 3  # keys without a version that a reason names


def failing(case: Case) -> tuple[str, ...]:
    """What failed upstream of an asset or a partition a moment ago: partitions that it reads of what others write and
    nobody can look at; and, where somebody asks for it, assets and their partitions."""
    asset, graph = case.asset, case.graph
    if not case.own.reads and not (case.request and case.state.failed):
        return ()
    whole = sorted(case.state.failed.intersection(graph.upstream[asset.name])) if case.request else []
    uris = {one.parameter: one.uri for one in asset.inputs}
    read = [(uris[parameter], one) for parameter, one in case.own.reads.items()]
    keys = ((uri, key) for uri, one in read if case.request or uri not in graph.producer for key in one.failed)
    return (*whole, *(f"{graph.dataset_name(uri)} {key}" for uri, key in keys))


def lacking_input(case: Case) -> Reason | None:
    """That an input has no version, or too few of the partitions that are read, or that a mapping does not tell which
    they are; None when all can be read."""
    named, names, missing = case.graph.dataset_name, list[str](), 0
    absent: list[tuple[str, str]] = []
    heads, reads = case.state.heads, case.own.reads
    for one in [one for one in case.asset.inputs if one.uri not in heads or one.parameter in reads]:
        read = reads.get(one.parameter)
        if read is not None and read.fault:
            return Reason(kind=ReasonKind.UPSTREAM_FAILED, names=(named(one.uri),), detail=read.fault)
        if one.optional or (read is not None and read.enough):
            continue
        names += [named(one.uri)] if read is None else [f"{named(one.uri)} {key}" for key in read.lacking[:_NAMED]]
        missing += 0 if read is None else max(0, len(read.lacking) - _NAMED)
        absent += [(one.uri, key) for key in (("",) if read is None else read.lacking or ("?",))]  # "?": nobody knows
        if read is not None and not read.lacking:
            names.append(f"{named(one.uri)}, of which no key is read")
    if not names:
        return None
    left_out = case.state.left_out
    if all(each in left_out for each in absent):  # nothing is wrong: whoever makes it said so
        whys = dict.fromkeys(why for each in absent if (why := left_out[each]))
        kind, detail = ReasonKind.LEFT_OUT, "; ".join(list(whys)[:_NAMED])
    else:
        kind, detail = ReasonKind.NO_VERSION, ""
    more = f"and {missing} more" if missing else ""
    return Reason(kind=kind, names=tuple(sorted(names)), detail="; ".join(filter(None, (more, detail))))


def by_request(case: Case, key: RunKey) -> Reason:
    """Why what a person or a backfill asks for is not up to date."""
    reason = _by_difference(case, key)
    if case.request is None or not case.request.backfill:
        return reason
    kinds = tuple(kind for kind in (reason.kind, *reason.also) if kind is not ReasonKind.MANUAL)
    return replace(reason, kind=ReasonKind.BACKFILL, also=kinds, detail=reason.detail if kinds else "")


def _by_difference(case: Case, key: RunKey) -> Reason:
    asset, own, graph = case.asset, case.own, case.graph
    if not own.complete or own.made_from is None:
        return Reason(kind=ReasonKind.FIRST_BUILD)
    if not own.present:
        return Reason(kind=ReasonKind.MISSING, names=tuple(sorted(graph.dataset_name(uri) for uri in asset.outputs)))
    found = difference(own.made_from, key.parts)
    if not found.kinds:
        return Reason(kind=ReasonKind.MANUAL, detail="no inputs")
    uris = {one.parameter: one.uri for one in asset.inputs}
    names = tuple(sorted(graph.dataset_name(uris[name]) if name in uris else name for name in found.inputs))
    return Reason(kind=found.kinds[0], also=found.kinds[1:], names=names, parameters=tuple(sorted(found.parameters)))


def by_condition(case: Case, ticks: Mapping[str, datetime], late: datetime | None) -> Reason:
    """What started it: the words of every cause by which the condition holds."""
    found = causes(case.asset, case.verdict)
    news = [leaf for leaf in found if leaf.leaf is not None]
    kinds: list[ReasonKind] = []
    if any(leaf.leaf is not None and (leaf.leaf.causes or leaf.leaf.removals) for leaf in news):
        kinds.append(ReasonKind.INPUT_CHANGED)
    elif news:
        kinds.append(ReasonKind.INPUT_UPDATED)
    if any(leaf.ticks for leaf in found):
        kinds.append(ReasonKind.TICK)
    if any(leaf.leaf is None and not leaf.ticks for leaf in found):
        kinds.append(ReasonKind.STALE)
    if late is not None:
        kinds.append(ReasonKind.DEADLINE)
    if not case.own.complete:
        kinds.append(ReasonKind.FIRST_BUILD)
    names = tuple(sorted({origin(case.graph, leaf) for leaf in news}))
    by_tick = [ticks[leaf.label] for leaf in found if leaf.label in ticks]
    return Reason(kind=kinds[0], also=tuple(kinds[1:]), names=names, tick=max(by_tick, default=late))


def lacking(graph: Graph, verdict: Verdict) -> Reason:
    """What a condition that does not hold waits for."""
    until = verdict.settling()
    if until is not None:
        return Reason(kind=ReasonKind.SETTLING, detail=f"until {until:%Y-%m-%d %H:%M:%S} UTC")
    labels = {leaf.label: named(graph, leaf) for leaf in verdict.leaves()}
    return Reason(
        kind=ReasonKind.WAITING,
        names=tuple(labels[label] for label in verdict.lacking()),
        detail=verdict.lack(lambda label: labels.get(label, label)),
    )


def idle(case: Case, *, current: bool) -> Reason:
    """What a partition waits for for which nothing is pending; `current`: whether it was made of what is there now."""
    leaves = () if case.verdict is None else case.verdict.leaves()
    names = dict.fromkeys(origin(case.graph, leaf) for leaf in leaves if leaf.uri not in case.graph.catalogue.datasets)
    whole = (leaf.uri for leaf in dataset_leaves(case.asset.condition) if _starts(case.graph, leaf))
    names |= dict.fromkeys(case.graph.dataset_name(uri) for uri in whole)
    if current:
        stands = "it is up to date"
    elif case.own.complete:
        stands = "what has changed since it was made is to start nothing"
    else:
        stands = "what is there is to start nothing"
    return Reason(kind=ReasonKind.WAITING, detail=f"news of {' or '.join(names)}; {stands}")


def _starts(graph: Graph, leaf: DatasetLeaf) -> bool:
    """Whether news of a leaf may start a partition; what has no partitions does where it fans out."""
    mapping, dataset = leaf.mapping, graph.catalogue.datasets.get(leaf.uri)
    divided = dataset is not None and dataset.partitions is not None
    return divided or (isinstance(mapping, Fanned) and mapping.to is not Fanout.NONE)


def origin(graph: Graph, leaf: Verdict) -> str:
    """What people call that which the news of a leaf came from: the name of its dataset, or its timetable."""
    dataset = graph.catalogue.datasets.get(leaf.uri)
    return (leaf.uri or leaf.label) if dataset is None else dataset.name


def named(graph: Graph, leaf: Verdict) -> str:
    """What people call a leaf: that, with what the dataset is narrowed to."""
    return origin(graph, leaf) + (leaf.label.removeprefix(leaf.uri) if leaf.uri else "")
