"""Filters of a pack's report: codes as words, and what is told of two instants."""

import json

from django import template

register = template.Library()
MOMENTS = (("At the decision", "at_decision"), ("As of this pack", "as_of"))


@register.filter
def spoken(code):
    """Write a code as people say it: "risk owner"."""
    return str(code).replace("_", " ")


@register.filter
def moments(said):
    """Return what is told of the decision and of the pack's instant, each with its title."""
    return [(title, said[name]) for title, name in MOMENTS]


@register.filter
def as_json(value):
    """Write a value as JSON, keys in order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
