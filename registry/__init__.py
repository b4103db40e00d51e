"""What exists: people and their rights, and every noun that a release is made of."""

from collections.abc import Callable

#: Called with a person who may be deactivated; each returns the `registry.leaving.OpenEnd`s that
#: its app knows of. Apps add theirs in `AppConfig.ready()`.
people_checks: list[Callable] = []
