"""Packs written for this project, to start from: each a YAML file, each clause with its why."""

from pathlib import Path
from typing import Any

from registry.policy import read_yaml

FOLDER = Path(__file__).parent
#: In the order in which they are worth reading.
NAMES = (
    "organisation-baseline",
    "eu-residency",
    "customer-data",
    "generative-ai-model-risk",
)


def load(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (what the pack is, its clauses as written). Raises `ValueError` if not readable."""
    read = read_yaml((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    if read.problems:
        raise ValueError(f"{name}: {' '.join(str(one) for one in read.problems)}")
    return read.document["pack"], read.document["clauses"]
