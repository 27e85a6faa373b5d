"""What a backfill leaves because its definition has changed: partitions that were asked for and are none any more, and
that it had not come to. Told before the definition is registered, and kept with the backfill when it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ....storage.meta import catalogue as rows
from ....storage.meta.backfills import backfills, made
from ....storage.meta.backfills.backfills import Backfill
from ....storage.meta.database.engine import Transaction
from ....storage.meta.past.naming import short_name
from ....storage.types import BackfillState, Reprocess, RunState
from ...declare.catalogue import Asset, Catalogue
from ...declare.partitions.partition import Known
from ...declare.partitions.product import as_product
from ...plan.backfills.lasting import Lasting, lasting
from ...plan.backfills.scope import known_in, scope_from_plain

_AT_ONCE = 500  # keys that are asked about in one statement
NAMED = 100
"""So many of the keys are kept; how many there are is counted beyond that."""
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Partitions of an asset that a backfill was asked for and will not make: `count` of them, of which `keys` are the
    first."""

    asset: str
    lasting: Lasting
    count: int
    keys: tuple[str, ...]


def left_of(
    tx: Transaction, row: Backfill, found: Lasting, *, asset: str, asset_id: int, dataset_ids: Sequence[int]
) -> Left | None:
    """Those that are gone and that the backfill has not seen to: it has no run of them, and they are not made already
    where that is enough. None when there are none. Costs the keys that are gone."""
    count, keys = 0, list[str]()
    for some in _chunks(found):
        seen = {
            key for key, state in made.states_of(tx, row.id, asset_id, some).items() if state is not RunState.CANCELED
        }
        if row.reprocess is not Reprocess.ALL:
            seen |= made.made_among(tx, dataset_ids, some, left=True)
        rest = [key for key in some if key not in seen]
        count += len(rest)
        keys += rest[: NAMED - len(keys)]
    return Left(asset=asset, lasting=found, count=count, keys=tuple(keys)) if count else None


def _chunks(found: Lasting) -> Iterator[list[str]]:
    product, known = as_product(found.before), known_in(found.before, found.gone, Known())
    keys = (key for place in found.gone for key in product.within(place, known).walk())
    while some := list(islice(keys, _AT_ONCE)):
        yield some


@dataclass(frozen=True, slots=True, kw_only=True)
class Curtailed:
    """A backfill on record of which definitions that are not registered yet would leave a part out.

    Attributes
    ----------
    before, now: how people read how the asset was divided when it was asked for, and is.
    count: how many partitions of the asset would be left out; keys: the first of them.
    """

    backfill: str
    state: BackfillState
    asset: str
    before: str
    now: str
    count: int
    keys: tuple[str, ...]

    @property
    def text(self) -> str:
        """What would not be made, and what to do, in sentences."""
        more = " …" if self.count > len(self.keys) else ""
        change = f"is {self.before} in it and becomes {self.now}"
        if self.before == self.now:
            change = f"stays {self.now}, between other bounds or of other keys"
        return (
            f"Backfill {short_name(self.backfill)}, which is {self.state.value}: {self.asset} {change}. {self.count} "
            f"of its partitions that are asked for are none then, and will be held: {', '.join(self.keys)}{more}. "
            "Nothing is made instead of them. Let it end before, or cancel it and ask for the new ones."
        )


def curtailed(tx: Transaction, project: str, catalogue: Catalogue) -> Iterator[Curtailed]:
    """The backfills on record that would not be made whole once this catalogue is registered, asset by asset. Costs,
    for each of them, the partitions that are none then."""
    unfinished = backfills.unfinished(tx, project)
    if not unfinished:
        return
    ids = rows.ids(tx, project)
    assets = dict(_as_registered(ids.assets, catalogue))
    names = {number: asset.name for number, asset in assets.items()}
    divided = {asset.name: asset.partitions for asset in assets.values() if asset.partitions is not None}
    numbers = {asset.name: number for number, asset in assets.items()}
    for row in unfinished:
        for name, part in scope_from_plain(row.scope, names, divided).items():
            asset = catalogue.assets[name]
            outputs = [ids.datasets[uri] for uri in asset.outputs if uri in ids.datasets]
            found = left_of(
                tx,
                row,
                lasting(part, asset.partitions),
                asset=name,
                asset_id=numbers[name],
                dataset_ids=outputs,
            )
            if found is not None:
                yield Curtailed(
                    backfill=row.id,
                    state=row.state,
                    asset=name,
                    before=part.divided.label,
                    now="undivided" if asset.partitions is None else asset.partitions.label,
                    count=found.count,
                    keys=found.keys[:_SHOWN],
                )


def _as_registered(numbers: Mapping[str, int], catalogue: Catalogue) -> Iterator[tuple[int, Asset]]:
    """The assets of a catalogue that the store knows, by id; under its name before, where one is renamed."""
    for name, asset in catalogue.assets.items():
        number = numbers.get(name, numbers.get(asset.previously or ""))
        if number is not None:
            yield number, asset
