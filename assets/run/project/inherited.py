"""Policies of attempts as they hold for an asset: what it or `defaults` says, else settings for its group, else for the
project, else what holds where nobody says anything."""

from __future__ import annotations

from ....storage.defaults import PolicySettings
from ...declare.catalogue import Asset
from ...declare.policies import Policies
from ...declare.retrying import NO_RETRY, NO_TIMEOUTS, RetryPolicy, Timeouts
from .project import Project


def retries_of(project: Project, asset: Asset | None) -> RetryPolicy:
    """How runs of an asset are tried again; None stands for one that is not declared any more."""
    policies = Policies() if asset is None else asset.policies
    if policies.retries is not None:
        return policies.retries
    given = next((one.retries for one in _settings(project, policies) if one.retries is not None), None)
    return NO_RETRY if given is None else RetryPolicy(**given.model_dump())


def timeouts_of(project: Project, asset: Asset | None) -> Timeouts:
    """How long runs of an asset may take."""
    policies = Policies() if asset is None else asset.policies
    if policies.timeout is not None:
        return policies.timeout
    given = next((one.timeout for one in _settings(project, policies) if one.timeout is not None), None)
    return NO_TIMEOUTS if given is None else Timeouts(**given.model_dump())


def _settings(project: Project, policies: Policies) -> tuple[PolicySettings, ...]:
    """What settings say that may concern these policies, the nearest first."""
    whole = project.settings.values.policies
    group = None if policies.group is None else whole.groups.get(policies.group)
    return (whole,) if group is None else (group, whole)
