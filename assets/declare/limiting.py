"""What is wrong with the limits of a whole catalogue: rates that differ, pools that nobody sized. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .catalogue import Catalogue
from .faults import Fault
from .limits import RateLimit


def rate_limits(catalogue: Catalogue) -> dict[str, RateLimit]:
    """The rate limits that the assets name, by name; of those that differ (a fault) the first."""
    found: dict[str, RateLimit] = {}
    for asset in catalogue.assets.values():
        for one in asset.policies.limits:
            found.setdefault(one.name, one)
    return found


def differing(catalogue: Catalogue) -> Iterator[Fault]:
    """Rate limits of one name of which two assets say different things."""
    first: dict[str, tuple[str, RateLimit]] = {}
    for asset in catalogue.assets.values():
        for one in asset.policies.limits:
            name, known = first.setdefault(one.name, (asset.name, one))
            if known != one:
                yield Fault(
                    kind="contradiction",
                    message=f"asset {asset.name}: rate limit {one.name!r} is {one.label} here, and {known.label} at "
                    f"asset {name}: it is one, which they share",
                    hint="Write it once, and name that at both: OPENAI = RateLimit(…); limits=[OPENAI].",
                    where=asset.location,
                )


def unsized(catalogue: Catalogue, sizes: Mapping[str, int]) -> Iterator[Fault]:
    """Pools that nobody sized, and runs that want more slots of a pool than it has: they would wait for ever.

    Parameters
    ----------
    sizes: pool → its slots, as the settings say.
    """
    known = ", ".join(f"{name} ({size})" for name, size in sorted(sizes.items())) or "none"
    for asset in catalogue.assets.values():
        pool = asset.policies.pool
        if pool is None or sizes.get(pool.pool, 0) >= pool.slots:
            continue
        if pool.pool not in sizes:
            message = f"asset {asset.name}: its pool {pool.pool!r} has no size; the settings size: {known}"
            hint = f"Say in the settings how many slots it has: [pools] {pool.pool} = {max(4, pool.slots)}."
        else:
            message = f"asset {asset.name}: a run takes {pool.slots} slots of pool {pool.pool!r}, which has "
            message += str(sizes[pool.pool])
            hint = "Make the pool larger in the settings, [pools], or let a run take less of it."
        yield Fault(kind="pool", message=message, hint=hint, where=asset.location)
