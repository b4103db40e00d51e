"""What tests of exports have in common: other people's validators of the formats, offline."""

import json
import os
from collections.abc import Iterable

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.test import Client
from huggingface_hub import ModelCard

from tests import make


def valid_bom(content: bytes) -> dict:
    """Return a bill of materials once the strict validator has nothing against it."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode())
    assert error is None, error
    return json.loads(content)


def valid_card(text: str) -> ModelCard:
    """Return a card as the hub's own library reads it."""
    card = ModelCard(text, ignore_metadata_errors=False)
    assert card.data.to_dict()
    return card


def said(properties: Iterable[dict], name: str) -> list[str]:
    """Return the values of one property of our namespace."""
    return [one["value"] for one in properties if one["name"] == f"gatehouse:{name}"]


def api(person, address: str):
    """Return what the API answers to a person's token."""
    token = make.make_token(person)
    return Client().get(f"/api/v1/{address}", headers={"Authorization": f"Bearer {token}"})
