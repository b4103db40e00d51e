"""Admin pages of the gates, a module for each noun."""

from gates.admin import conditions, emergencies, promotions, versions, waivers, webhooks

__all__ = ["conditions", "emergencies", "promotions", "versions", "waivers", "webhooks"]
