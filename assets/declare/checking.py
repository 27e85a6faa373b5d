"""Checking a catalogue as a whole: each rule is a function that yields the faults it finds. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter

from ...storage import uri as uris
from ...storage.files.formats.registry import FormatInfo, format_for, known_suffixes
from ...storage.types import KIND_NAMES, Catchup, ValueKind
from .asset import AssetFunction
from .catalogue import Asset, Catalogue
from .columns import column_faults
from .conditions.impossible import (
    aligned_uris,
    holds_by_removal,
    is_timeless,
    never_holds,
    says_nothing,
    starts_none_of,
    starts_nothing,
)
from .conditions.leaves import Stale, dataset_leaves, named_in
from .conditions.tree import Condition, leaves
from .durations import as_text
from .faults import Fault
from .limiting import differing
from .partitions.mapping.checking import in_one_place, unrelated
from .partitions.unsuited import unsuited
from .policies import Each
from .ticks.timetables import Timetable

_RAW = frozenset({ValueKind.BYTES, ValueKind.PATH})  # what any file can be taken and given as
_TOLD = frozenset({ValueKind.VERSION, ValueKind.OPAQUE, ValueKind.OBJECT})
"""No format gives or takes the first two; of the third `annotated.misread` tells where it cannot be kept."""
_CHANGE_ON = "Change on=, or leave it out for an asset that is made by hand."
_TAKE_OUT = "Take it out, or put it where it decides something."


def check(catalogue: Catalogue, functions: Sequence[AssetFunction]) -> list[Fault]:
    """Every fault of the whole."""
    declared = {one.name: one for one in reversed(functions)}  # of two with one name the first, as in the catalogue
    return [
        *_nested(catalogue),
        *in_one_place(catalogue.datasets.values()),
        *_conditions(catalogue),
        *unrelated(catalogue, declared),
        *unsuited(catalogue),
        *_policies(catalogue),
        *differing(catalogue),
        *_formats(catalogue),
        *column_faults(catalogue),
        *_renamed(catalogue),
        *_cycle(catalogue),
        *_probes(declared),
    ]


def _nested(catalogue: Catalogue) -> Iterator[Fault]:
    """One dataset inside another's folder would be part of its content; a local file has nothing inside it at all."""
    datasets = catalogue.datasets
    for dataset in datasets.values():
        cuts = [place for place, character in enumerate(dataset.uri) if character == "/"]
        above = (datasets.get(dataset.uri[:end]) for cut in cuts for end in (cut, cut + 1))
        outer = next((one for one in above if one is not None and uris.is_inside(dataset.uri, one.uri)), None)
        if outer is not None:
            what = "the folder of dataset" if outer.uri.endswith("/") else "dataset"
            yield Fault(
                kind="nested_dataset",
                message=f"dataset {dataset.uri} lies inside {what} {outer.uri} ({outer.location})",
                hint="Move one of them: what lies in a directory dataset is part of its versions.",
                where=dataset.location,
            )


def _conditions(catalogue: Catalogue) -> Iterator[Fault]:
    """What can never hold, starts nothing or says nothing; and who waits for itself."""
    written = {uri: [one.uri for one in asset.inputs] for asset in catalogue.assets.values() for uri in asset.outputs}
    for asset in catalogue.assets.values():
        condition = asset.condition
        if condition is None:
            continue
        never = list(never_holds(condition, written))
        own = _waited_for(condition, asset.outputs)
        for text in never:
            yield _condition_fault(asset, "impossible_condition", f"its condition can never hold: {text}", _CHANGE_ON)
        for text in () if never else starts_nothing(condition):
            hint = "Add what starts it: a dataset, a timetable or stale(…)."
            yield _condition_fault(asset, "impossible_condition", f"its condition never starts a run: {text}", hint)
        read = {one.uri for one in asset.inputs if not one.optional}
        for uri in dict.fromkeys(() if never else holds_by_removal(condition, read)):
            text = f"its condition holds once {uri} is gone, and it reads {uri}, which has no version then"
            hint = "Make the input optional (`… | None`), or add what starts it when it is back."
            yield _condition_fault(asset, "impossible_condition", text, hint)
        for text in says_nothing(condition, partial(_made_from, written)):
            yield _condition_fault(asset, "pointless_condition", f"in its condition {text}", _TAKE_OUT)
        for uri in sorted(own):
            text = f"its condition waits for {uri}, which it writes itself"
            hint = "Wait for what it is made from, or for a timetable."
            yield _condition_fault(asset, "impossible_condition", text, hint)


def _policies(catalogue: Catalogue) -> Iterator[Fault]:
    """Policies that contradict the condition or each other."""
    for asset in catalogue.assets.values():
        deadline, stales = (
            asset.policies.deadline,
            [leaf for leaf in leaves(asset.condition) if isinstance(leaf, Stale)],
        )
        if deadline is not None and is_timeless(deadline.timetable):
            text = f"its deadline, {deadline.timetable.label}, has no instant"
            yield _condition_fault(asset, "contradiction", text, "Name days that there are.")
        for key, said in () if deadline is None else _ignored(deadline.timetable):
            text = f"its deadline has {key}={said!r}, which decides nothing of a deadline"
            yield _condition_fault(asset, "contradiction", text, "Take it out.")
        for leaf in dataset_leaves(asset.condition):
            for key, said in () if leaf.timetable is None else _ignored(leaf.timetable):
                text = f"the timetable of {leaf.label} has {key}={said!r}, which decides nothing there"
                yield _condition_fault(asset, "contradiction", text, "Take it out.")
        if stales and asset.policies.pure:
            text = f"{stales[0].label} makes it again though nothing changed, and pure=True skips it just then"
            yield _condition_fault(asset, "contradiction", text, "Take one of them out.")
        if isinstance(asset.policies.consume, Each) and asset.policies.consume.uri and asset.condition is not None:
            for text, hint in _one_by_one(asset.condition, asset.policies.consume, asset.policies.max_active_runs):
                yield _condition_fault(asset, "contradiction", text, hint)


def _ignored(timetable: Timetable) -> Iterator[tuple[str, str | int]]:
    """What is said of a timetable that decides only where its ticks start runs."""
    if timetable.jitter:
        yield "jitter", as_text(timetable.jitter)
    if timetable.catchup != Catchup.LATEST:
        yield "catchup", timetable.catchup if isinstance(timetable.catchup, int) else timetable.catchup.value


def _one_by_one(condition: Condition, mode: Each, active: int) -> Iterator[tuple[str, str]]:
    """`each(D)` takes the events of D one after the other: its condition must leave them so."""
    uri, about = mode.uri, list(dataset_leaves(condition))
    named = [leaf for leaf in about if leaf.uri == uri and leaf.match == mode.match]
    if not named:
        known = ", ".join(dict.fromkeys(leaf.uri for leaf in about if leaf.match == mode.match)) or "none"
        yield f"consume=each(…) names {uri}, for which its condition does not wait", f"It waits for: {known}."
    if active > 1:
        text = f"consume=each(…) takes events in order, one run at a time, and max_active_runs={active} asks for more"
        yield text, "Leave max_active_runs at 1."
    for branch in starts_none_of(condition, named) if named else ():
        text = f"consume=each(…) starts runs by news of {uri} alone, and a branch of its condition is {branch}"
        yield text, f"Take the branch out, or put it beside {uri} with `&`: it can complete, and starts nothing."
    for leaf in named:
        if leaf.removal or leaf.least > 1:
            text = f"consume=each(…) takes the versions of {uri} one by one, and its condition has {leaf.label}"
            yield text, "Take it out, or take events together."
    for leaf in about if named and mode.match else ():
        if leaf not in named and (mode.is_about(leaf.uri) or leaf.is_about(uri)):
            text = f"consume=each(…) takes the events of {uri} in one line, and its condition has {leaf.label} besides"
            yield text, "Take it out: it would wait for an event whose turn comes later."
    if uri in aligned_uris(condition):
        text = f"consume=each(…) pins the version of each event of {uri}, and aligned=True another"
        yield text, "Take one of them out."


def _waited_for(condition: Condition | None, uris: Collection[str]) -> set[str]:
    """Those of the datasets whose news or age the condition asks for."""
    patterns = [leaf for leaf in dataset_leaves(condition) if leaf.match]
    return {leaf.uri for leaf in named_in(condition) if leaf.uri in uris} | {
        uri for uri in (uris if patterns else ()) if any(leaf.is_about(uri) for leaf in patterns)
    }


def _made_from(inputs: Mapping[str, Sequence[str]], uri: str) -> frozenset[str]:
    """The URIs of all that a dataset is made from, however far up, and its own; `inputs` has those one step up."""
    found = {uri}
    frontier = [uri]
    while frontier:
        for above in inputs.get(frontier.pop(), ()):
            if above not in found:
                found.add(above)
                frontier.append(above)
    return frozenset(found)


def _condition_fault(asset: Asset, kind: str, text: str, hint: str) -> Fault:
    return Fault(kind=kind, message=f"asset {asset.name}: {text}", hint=hint, where=asset.location)


def _formats(catalogue: Catalogue) -> Iterator[Fault]:
    """An annotation asks for, or gives, what the format of the suffix cannot be."""
    for asset in catalogue.assets.values():
        for one in asset.inputs:
            suffix = catalogue.datasets[one.uri].suffix
            if one.kind is None or one.kind in _TOLD:
                continue
            if one.kind not in _kinds(format_for(suffix), reading=True):
                yield _mismatch(asset, f"parameter {one.parameter!r} asks for", one.kind, one.uri, suffix, reading=True)
        for uri in asset.outputs:
            kind, suffix = asset.given(uri).kind, catalogue.datasets[uri].suffix
            if kind is None or kind in _TOLD:
                continue
            if kind not in _kinds(format_for(suffix), reading=False):
                yield _mismatch(asset, "its producer returns", kind, uri, suffix, reading=False)


def _kinds(info: FormatInfo | None, *, reading: bool) -> frozenset[ValueKind]:
    if info is None:
        return _RAW
    return info.reads if reading else info.writes


def _mismatch(asset: Asset, says: str, kind: ValueKind, uri: str, suffix: str, *, reading: bool) -> Fault:
    info = format_for(suffix)
    able = ", ".join(KIND_NAMES[one] for one in ValueKind if one in _kinds(info, reading=reading))
    name = f"format {info.name}" if info else f"the unknown suffix {suffix!r}" if suffix else "a URI without a suffix"
    others = [
        other
        for other in known_suffixes()
        if (found := format_for(other)) is not None and kind in _kinds(found, reading=reading)
    ]
    return Fault(
        kind="format_mismatch",
        message=f"asset {asset.name}: {says} {KIND_NAMES[kind]}, but {uri} has {name}, which "
        f"{'gives' if reading else 'takes'} {able}",
        hint=f"Change the annotation, or the suffix to one of: {', '.join(others)}.",
        where=asset.location,
    )


def _renamed(catalogue: Catalogue) -> Iterator[Fault]:
    for asset in catalogue.assets.values():
        if asset.previously is not None and asset.previously in catalogue.assets:
            yield Fault(
                kind="previous_name_in_use",
                message=f"asset {asset.name}: previously={asset.previously!r} is the name of another asset",
                hint="Take previously= out once the rename is done everywhere.",
                where=asset.location,
            )


def _cycle(catalogue: Catalogue) -> Iterator[Fault]:
    """An asset that, through inputs or conditions, waits for itself; drawn as a path."""
    producer = {uri: asset.name for asset in catalogue.assets.values() for uri in asset.outputs}
    needs: Mapping[str, set[str]] = {
        asset.name: {
            producer[uri]
            for uri in {*_waited_for(asset.condition, producer), *(one.uri for one in asset.inputs)}
            if uri in producer and producer[uri] != asset.name
        }
        for asset in catalogue.assets.values()
    }
    for asset in catalogue.assets.values():
        if any(one.uri in asset.outputs for one in asset.inputs):
            yield Fault(
                kind="cycle",
                message=f"a cycle: {asset.name} → {asset.name}: it reads what it writes",
                hint="Read what it is made from; its own last version is no input.",
                where=asset.location,
            )
    for path in _cycles(needs):
        yield Fault(
            kind="cycle",
            message=f"a cycle: {' → '.join(path)}",
            hint="One of them must not depend on the others: split it, or read an external dataset instead.",
            where=catalogue.assets[path[0]].location,
        )


def _cycles(needs: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Cycles that share no asset, each as a path downstream, from what is read to its reader, that ends where it began.

    Drawn from the asset whose name comes first, so that two machines tell it alike.
    """
    left = {name: sorted(others) for name, others in needs.items()}
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            path: list[str] = error.args[1][:-1]
            first = path.index(min(path))
            path = [*path[first:], *path[:first]]
            yield [*path, path[0]]
            left = {
                name: [one for one in others if one not in path] for name, others in left.items() if name not in path
            }
        else:
            return


def _probes(declared: Mapping[str, AssetFunction]) -> Iterator[Fault]:
    for one in declared.values():
        if one.source and one.outputs and not callable(one.probe):
            yield Fault(
                kind="no_probe",
                message=f"source {one.name}: probe= is no function",
                hint="Give a function without parameters that returns a cheap fingerprint.",
                where=one.location,
            )
