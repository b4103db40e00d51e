"""What the container files say, held to the settings and commands they speak of.

No engine is needed for it, and none was at hand: that the images build is not tested here.
"""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = {name: one for name, one in COMPOSE["services"].items() if name != "database"}


def test_every_setting_they_pass_on_is_one_of_ours():
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    named = set(re.findall(r"\b([A-Z][A-Z_]+)=/", final)) - {"PATH"}
    named |= {name for one in OURS.values() for name in one["environment"]}
    assert named <= SETTINGS, named - SETTINGS
    for one in OURS.values():
        assert "DEBUG" not in one["environment"] and "GATEHOUSE_DEMO" not in one["environment"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_next_to_nothing(name):
    one = OURS[name]
    assert one["read_only"] and one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ()))


def test_the_image_runs_as_nobody_who_matters_and_keeps_no_secret():
    stages = DOCKERFILE.split("\nFROM ")
    assert len(stages) == 3, "two stages"
    assert re.findall(r"^USER (\w+)$", stages[-1], re.MULTILINE) == ["gatehouse"]
    assert "--require-hashes" in stages[1]
    left_out = (ROOT / ".dockerignore").read_text().split("\n")
    assert {".env", "data", ".git", "tests"} <= set(left_out)


def test_the_commands_they_start_are_there():
    started = [one["command"] for one in OURS.values() if "command" in one]
    assert started
    for command in started:
        assert command[:2] == ["python", "manage.py"] and command[2] in get_commands()
    assert '["gunicorn", "--config", "config/gunicorn.py"]' in DOCKERFILE
    assert (ROOT / "config" / "gunicorn.py").is_file()


def test_volumes_and_paths_meet():
    """What is written lies on a volume: all else is read-only, or gone with the container."""
    folders = set(re.findall(r"=(/var/lib/gatehouse/\w+)", DOCKERFILE))
    assert folders
    for one in OURS.values():
        mounted = {volume.rpartition(":")[2] for volume in one["volumes"]}
        assert folders <= mounted
        assert str(Path(one["environment"]["CHECKPOINT_FILE"]).parent) in mounted
