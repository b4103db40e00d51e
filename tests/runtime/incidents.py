"""Incidents as people open them in tests."""

from datetime import datetime, timedelta

from audit import clock
from registry.models import Person
from registry.roles import Role
from runtime.incidents import transitions
from runtime.models import Incident
from tests import make
from tests.gates.stories import Story
from tests.runtime.stories import operator

WHY = "Customers complain."


def opened(
    told: Story, *, actor: Person | None = None, since: datetime | None = None, **values
) -> Incident:
    """Open an incident about the story's use case in its environment, over the last hours."""
    values = {
        "title": make.name("incident"),
        "severity": 2,
        "begins_at": since or clock.now() - timedelta(hours=6),
        "use_case": told.use_case,
        "environment": told.environment,
        "reason": WHY,
        **values,
    }
    return transitions.open_incident(actor=actor or operator(told), **values)


def reviewer(told: Story) -> Person:
    """Return somebody who reviews incidents of the story's team."""
    return told.signer(Role.REVIEWER)
