"""`why` of one partition: what the planner would do with it now, and what is pending for it. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ....storage.errors import UsageError
from ....storage.meta import runs
from ....storage.meta.backfills import backfills
from ....storage.meta.backfills.suppressing import suppressed_for
from ....storage.meta.database.engine import Transaction
from ....storage.meta.database.engine import now as moment_of
from ....storage.meta.partitions.heads import partition_heads_of
from ....storage.meta.past.naming import short_name
from ....storage.settings import ProjectSettings
from ....storage.types import EventKind
from ...declare.catalogue import Asset
from ...declare.definitions import Definitions
from ...declare.partitions.appearing import appeared
from ...plan.evaluate import Now, evaluate
from ...plan.explain import Beside, Part, Pile, explain
from ...plan.planner import Held, decide_partition
from ...plan.state import AssetState
from ..backfilling.terms import terms_of
from ..dispatching import waits_for
from ..looking.sources import Look, tell_looked, unreadable
from ..planning.snapshot import AskedPartitions, Snapshot, load
from ..project.foretold import foretold
from ..project.keys import known_at
from ..project.project import Project, open_project
from ..project.trial import Trial
from ..recovery import as_if_given_up, left_behind
from .earlier import unknown_asset
from .pending import news_of
from .why import SHOWN, Read, Why, held_before, last_of, look_for, looked_notes, said


def why_partition(settings: ProjectSettings, definitions: Definitions, name: str, key: str) -> Why:
    """What the planner would do with this partition of an asset now, and why.

    Raises
    ------
    UsageError: there is no such asset, it has no partitions, or the key is none of them.
    """
    with open_project(settings, definitions, planning=True) as opened:
        asset = opened.catalogue.assets.get(name)
        if asset is None:
            raise unknown_asset(name, opened.name, list(opened.catalogue.assets))
        _require_partitions(asset)
        seen = look_for(opened, name)
        left = left_behind(opened)
        with as_if_given_up(opened, left, writing=bool(seen.unrecorded)) as trial:
            tell_looked(trial.project, trial.tx, seen, now=moment_of(trial.tx))
            found = _why(trial, asset, key, seen)
        again = left.resumed.get(name, {}).get(key)
        if again is not None:
            found = replace(found, decision="run", reason=again)
        notes = (*looked_notes(opened, seen), *found.notes, *foretold(opened).about(asset).texts)
        return replace(found, notes=notes)


def _why(trial: Trial, asset: Asset, key: str, seen: Look) -> Why:
    project, tx, name = trial.project, trial.tx, asset.name
    moment = moment_of(tx)
    named = _named(project, tx, asset, key, moment)
    asked = AskedPartitions(keys={name: (key,)}, named=named, failed=seen.unseen)
    snapshot = load(project, tx, [name], now=moment, partitions=asked)
    one = _Asked(project=project, tx=tx, asset=asset, key=key, snapshot=snapshot)
    own = one.own
    decision = decide_partition(project.graph, snapshot.state, name, key, own=own, now=moment)
    word, reason = said(decision)
    outdated = isinstance(decision, Held) and decision.idle and not decision.current
    kept = _kept_from(project, tx, name, key) if outdated else ()
    blocked = unreadable(project, seen)
    word, reason = ("hold", blocked[name]) if name in blocked else (word, reason)
    condition, until = one.condition()
    moments = (until, own.ripens_at)
    newest = next(iter(runs.recent(tx, project.name, asset=name, partition=key, limit=1)), None)
    return Why(
        asset=name,
        partition=key,
        at=moment,
        then=False,
        decision=word,
        reason=reason,
        condition=condition,
        reads=tuple(one.reads()),
        active=own.active,
        limit=asset.policies.max_active_runs,
        pause=own.pause,
        deadline=None,
        next_at=min((at for at in moments if at is not None), default=None),
        last=None if newest is None else last_of(tx, newest),
        notes=(
            *kept,
            *_made_before(project, tx, asset, key),
            *held_before(project, tx, name),
            *waits_for(project, tx, name, key),
        ),
    )


def _kept_from(project: Project, tx: Transaction, name: str, key: str) -> Iterator[str]:
    """Which backfills published what is to start nothing of a partition, in a sentence each."""
    names = {number: project.graph.dataset_name(uri) for uri, number in project.ids.datasets.items()}
    news: dict[str, dict[str, None]] = {}
    for one in suppressed_for(tx, project.ids.assets[name], key):
        if one.dataset_id in names:  # otherwise its dataset is not declared any more
            news.setdefault(one.backfill_id, {})[f"{names[one.dataset_id]} {one.key}".rstrip()] = None
    for backfill_id, several in news.items():
        more = f" and {len(several) - SHOWN} more" if len(several) > SHOWN else ""
        told = ", ".join([*several][:SHOWN]) + more
        if _comes_to(project, tx, backfill_id, name, key):
            yield (
                f"Backfill {short_name(backfill_id)} kept its news of {told} from planners: it makes this partition "
                f"itself. `penstock backfill show {short_name(backfill_id)}` tells how far it has come."
            )
            continue
        yield (
            f"Backfill {short_name(backfill_id)} kept its news of {told} from it: that starts nothing here "
            f"(--propagate). `penstock materialize {name} --partitions {key}` makes it all the same."
        )


def _comes_to(project: Project, tx: Transaction, backfill_id: str, name: str, key: str) -> bool:
    """Whether a backfill that has not ended is of this partition."""
    row, partitions = backfills.backfill(tx, backfill_id), project.catalogue.assets[name].partitions
    if row is None or row.ended_at is not None or partitions is None:
        return False
    part = terms_of(project, row).scope.get(name)
    return part is not None and part.asked.contains(partitions.place(key))


def _made_before(project: Project, tx: Transaction, asset: Asset, key: str) -> Iterator[str]:
    """That what is there of a partition was made for another window, in a sentence."""
    heads = (partition_heads_of(tx, project.ids.datasets[uri], [key]).get(key) for uri in asset.outputs)
    bounds = {one.made_for for one in heads if one is not None and one.made_for is not None}
    for start, end in sorted(bounds):
        begin, until = (datetime.fromtimestamp(at, UTC) for at in (start, end))
        yield (
            f"What is there of it was made by an earlier definition, for {begin:{_MINUTE}} to {until:{_MINUTE}} UTC, "
            "and counts as missing: `penstock backfill create` makes it anew."
        )


_MINUTE = "%Y-%m-%d %H:%M"


def _require_partitions(asset: Asset) -> None:
    if asset.partitions is None:
        raise UsageError(f"asset {asset.name} has no partitions", hint="Leave --partition out.")


def _named(project: Project, tx: Transaction, asset: Asset, key: str, moment: datetime) -> dict[str, list[str]]:
    """The dynamic keys that a key names. One whose window is not over can be asked about."""
    assert asset.partitions is not None, asset.name
    line = asset.partitions.place(key).line
    named = {name: sorted(keys) for name, keys in appeared(asset.partitions, [line]).items()}
    fault = asset.partitions.fault(key, known_at(project, tx, moment, named=named))
    if fault is not None and fault.kind != "future":
        raise UsageError(fault.message, hint=fault.hint)
    return named


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A partition that is asked about, in the snapshot in which it was looked up."""

    project: Project
    tx: Transaction
    asset: Asset
    key: str
    snapshot: Snapshot

    @property
    def own(self) -> AssetState:
        """How it stands."""
        return self.snapshot.state.partitions[self.asset.name][self.key]

    def condition(self) -> tuple[Part | None, datetime | None]:
        """The condition as a tree with what each part has and lacks, and when time alone may change it."""
        condition, state, own = self.asset.condition, self.snapshot.state, self.own
        if condition is None:
            return None, None
        verdict = evaluate(condition, own, Now(at=self.snapshot.at, heads=state.heads, watched=state.watched))
        piles = {uri: self._pile(uri) for uri in self.project.reading.relations(self.asset)}
        beside = Beside(graph=self.project.graph, own=own, heads=state.heads, piles=piles)
        return explain(condition, verdict, beside), verdict.until

    def _pile(self, uri: str) -> Pile:
        events = self.snapshot.events.get((self.asset.name, self.key, uri), ())
        news = news_of(self.tx, self.project.ids.assets[self.asset.name], events[-SHOWN:], partition=self.key)
        starting = sum(one.fresh and one.kind is not EventKind.CONFIRMED for one in events)
        return Pile(total=len(events), starting=starting, news=tuple(news[::-1]))

    def reads(self) -> Iterator[Read]:
        """What a run would read."""
        for one in self.asset.inputs:
            read = self.own.reads.get(one.parameter)
            yield Read(
                parameter=one.parameter,
                dataset=self.project.graph.dataset_name(one.uri),
                optional=one.optional,
                head=self.snapshot.state.heads.get(one.uri) if read is None else None,
                partitions=None if read is None else len(read.heads),
            )
