"""What is wrong with the declaration of a resource is told with the other faults, with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock import Context, Dataset, Definitions, Leftover, Secret, asset, resource
from penstock.assets.code.yields import yields_in_turn

URL, OTHER = Secret("URL"), Secret("OTHER")


def told(*things: Any) -> list[str]:
    """The faults, each without its place, which is in this file."""
    faults = Definitions(*things).check()
    assert all(fault.where is not None and fault.where.file == __file__ and fault.where.line for fault in faults)
    return [fault.message for fault in faults]


def test_resources_that_are_right_have_no_faults() -> None:
    """By name or by `inputs=`, with secrets and defaults; what an annotation names is theirs to know."""

    @resource
    def pool(*, url: Secret = URL, size: int = 3) -> Iterator[object]:
        yield url, size

    @resource(name="db", inputs={"of": pool})
    def database(of: object, limit: int = 3) -> Iterator[object]:
        yield of, limit

    @asset("a.txt", inputs={"connection": database})
    def a(connection: Callable[[], int], pool: object) -> str:
        return ""

    definitions = Definitions(a, pool)
    assert definitions.check() == ()
    needs = definitions.needs["a"]
    assert needs.resources == {"connection": "db", "pool": "pool"}
    assert [use.resource.name for use in needs.uses] == ["pool", "db"]
    assert needs.every_secret == ("URL",)
    assert definitions.resolve().assets["a"].inputs == ()


def test_what_is_no_generator_is_a_fault() -> None:
    """A function that returns, an `async` one, one that yields twice."""

    @resource
    def returns() -> Any:
        return 1

    @resource
    async def awaits() -> Any:
        yield 1

    @resource
    def twice() -> Iterator[int]:
        yield 1
        yield 2

    assert told(returns, awaits, twice) == [
        "resource returns is no generator",
        "resource awaits is `async def`",
        "resource twice yields twice",
    ]


def test_what_nobody_gives_a_resource_is_a_fault() -> None:
    """Data, contexts, and names that are no resource, with the nearest that is one."""

    @resource
    def database() -> Iterator[int]:
        yield 1

    @resource
    def near(databse: int, ctx: Context, *, key: Secret, more: int) -> Iterator[int]:
        yield databse

    faults = {fault.message: fault.hint for fault in Definitions(database, near).check()}
    (unknown,) = [hint for message, hint in faults.items() if "which is no resource" in message]
    assert unknown.startswith("Did you mean 'database'?")
    assert any("takes the secret key, which does not say its name" in message for message in faults)
    assert "resource near asks for a context or a partition, which producers have" in faults
    assert "resource near has the parameter 'more', which nobody gives it" in faults


def test_resources_that_need_each_other_are_a_fault_with_their_path() -> None:
    """Told once, whichever of them is looked at first."""

    @resource
    def a(b: int) -> Iterator[int]:
        yield b

    @resource
    def b(c: int) -> Iterator[int]:
        yield c

    @resource
    def c(a: int) -> Iterator[int]:
        yield a

    assert told(a, b, c) == ["resource a needs itself: a → b → c → a"]


def test_names_mean_one_thing() -> None:
    """Two resources of one name; a parameter that could mean data or a resource."""

    @resource(name="one")
    def first() -> Iterator[int]:
        yield 1

    @resource(name="one")
    def second() -> Iterator[int]:
        yield 1

    @asset("a.txt")
    def a(one: int) -> str:
        return ""

    found = told(first, second, a, Dataset("one.txt"))
    assert [text.partition(";")[0].partition(" (")[0] for text in found] == [
        "two resources are called 'one'",
        "asset a: parameter 'one' could mean the resource",
    ]


def test_a_secret_says_its_name_as_a_default_behind_the_star() -> None:
    """Anything else is a fault, and a secret is no run parameter."""

    @asset("a.txt")
    def a(key: Secret, *, other: Secret = OTHER, third: Secret = None) -> str:  # type: ignore[assignment]
        return ""

    found = told(a)
    assert len(found) == 2
    assert "takes the secret key, which does not say its name" in found[0]
    assert "takes the secret third, which does not say its name" in found[1]


def branches(flag: bool) -> Iterator[int]:
    """One or the other."""
    if flag:
        yield 1
        return
    try:
        yield 2
    except ValueError:
        yield 3


def retries() -> Iterator[int]:
    """As often as it takes."""
    for number in range(3):
        yield number
        break


def behind() -> Iterator[int]:
    """Once more behind it."""
    with Path("x").open() as file:
        yield 1
    if file:
        yield 2


def in_the_end() -> Iterator[int]:
    """Once more in the end."""
    try:
        yield 1
    finally:
        yield 2


@pytest.mark.parametrize(("function", "most"), [(branches, 1), (retries, 1), (behind, 2), (in_the_end, 2), (print, 1)])
def test_yields_are_counted_along_each_way(function: Callable[..., Any], most: int) -> None:
    """Branches count apart, a loop as one turn; what has no source is no fault."""
    assert yields_in_turn(function) == most


def test_a_leftover_without_a_value_gives_its_record() -> None:
    """What the producer gets."""
    assert Leftover(record={"id": 1}).given == {"id": 1}
    assert Leftover(None, record={"id": 1}).given is None
