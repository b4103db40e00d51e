"""What rests on a thing: releases, environments and owners, direct and through lineage."""

from registry.impact.finding import Impact, impact
from registry.impact.kinds import KINDS, Kind, Reach, Way, asked, problems
from registry.impact.places import Place, Places, let_in, places
from registry.impact.trails import Trail, follow

__all__ = [
    "KINDS",
    "Impact",
    "Kind",
    "Place",
    "Places",
    "Reach",
    "Trail",
    "Way",
    "asked",
    "follow",
    "impact",
    "let_in",
    "places",
    "problems",
]
