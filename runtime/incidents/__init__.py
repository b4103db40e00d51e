"""Incidents: what went wrong, when, for whom, what was done about it, and what follows from it."""
