"""What the resources of killed workers left over is cleaned up from outside, by the record that was stored before."""

from __future__ import annotations

from typing import Any

from ...storage.errors import named, stops
from ...storage.masking import mask
from ...storage.meta import leftovers
from ..code.annotations import signature
from ..declare.resource import Resource
from .attempt.secrets import resolved
from .identity import gone, worker_name
from .project.project import Project


def tidy(project: Project) -> None:
    """Call `cleanup` with every record that nobody is at any more, once a process; what works is forgotten, what does
    not is kept with the reason, and `penstock status` tells it.

    A worker that dies while it cleans up leaves the record to the next: each is cleaned up at least once.
    """
    with project.store.read() as tx:
        found = leftovers.left(tx, project.name)
    for one in found:
        if one.key in project.tidied or not (not one.worker or gone(one.worker)):
            continue
        project.tidied.add(one.key)
        with project.store.write() as tx:
            taken = leftovers.take(tx, one.key, old=one.worker, new=worker_name())
        if not taken:  # somebody else was faster
            continue
        why = "somebody stopped it"
        try:
            why = _cleaned(project, one)
        finally:
            with project.store.write() as tx:
                if why:
                    leftovers.take(tx, one.key, old=worker_name(), new="", error=mask(why))
                else:
                    leftovers.forget(tx, one.key)


def _cleaned(project: Project, one: leftovers.Left) -> str:
    """Why the record could not be cleaned up; "" where it was."""
    resource = project.definitions.resources.get(one.resource)
    if resource is None or resource.cleaner is None:
        return "no resource of that name is declared" if resource is None else "it declares no cleanup any more"
    try:
        resource.cleaner(dict(one.record), **_secrets(project, resource))
    except BaseException as error:
        if stops(error):
            raise
        return f"its cleanup raised {named(error)}"
    return ""


def _secrets(project: Project, resource: Resource) -> dict[str, Any]:
    """The secrets that the cleanup asks for, by parameter."""
    assert resource.cleaner is not None, resource
    whose = f"the cleanup of resource {resource.name}"
    wanted = signature(resource.cleaner).secrets
    return {one.name: resolved(one.secret, project.settings, whose=whose)[0] for one in wanted}
