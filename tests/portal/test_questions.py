"""Every row of docs/questions.md, asked on its page and in the API of a small world."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import Client

from gates.readiness import readiness
from registry.models import Environment, PolicyVersion, RegisteredModel, Release, Team
from tests import make
from tests.api.reading import Reader
from tests.gates.stories import Story
from tests.runtime.stories import running

pytestmark = pytest.mark.django_db

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "questions.md"
ROW = re.compile(r"^\| (\d+) \| (.+?) \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)


@dataclass
class World:
    """An approved release with a next one, a model that refuses its use case, and a draft."""

    told: Story
    next_release: Release
    refusing: RegisteredModel
    draft: PolicyVersion
    regulated: Environment

    @property
    def version(self):
        return self.told.release.model_version

    @property
    def dataset(self):
        return self.version.dataset_links.get().dataset_version.dataset

    @property
    def prompt(self):
        return self.told.release.prompt_links.get().prompt_version.template


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        connection.atomic_blocks[-1]._from_testcase = True
        make.make_policy(make.make_pack("baseline"), retention_days=90)
        told = running()
        team = told.use_case.team
        make.save(Team, {"contact": "rota heron, #heron"}, pk=team.pk, actor=make.admin())
        refuses = [{"use_case": told.use_case, "stance": "disallowed"}]
        pack = make.make_pack("strict")
        yield World(
            told=told,
            next_release=make.make_release(
                use_case=told.use_case,
                version=told.release.model_version,
                parameters={"temperature": "0.7"},
            ),
            refusing=make.make_model(uses=refuses),
            draft=make.make_policy_draft(pack, data_classification__max="public"),
            regulated=make.make_environment(stage="regulated"),
        )
        transaction.set_rollback(True)


#: What stands for the words in brackets.
NAMED: dict[str, Callable[[World], object]] = {
    "model": lambda w: w.version.model.slug,
    "version": lambda w: w.version.version,
    "version id": lambda w: w.version.pk,
    "use case": lambda w: w.told.use_case.slug,
    "environment": lambda w: w.told.environment.slug,
    "regulated environment": lambda w: w.regulated.slug,
    "release id": lambda w: w.told.release.pk,
    "next release id": lambda w: w.next_release.pk,
    "number": lambda w: w.told.release.number,
    "dataset": lambda w: w.dataset.slug,
    "prompt": lambda w: w.prompt.slug,
    "draft id": lambda w: w.draft.pk,
    "draft": lambda w: w.draft.number,
    "pack": lambda w: w.draft.pack.slug,
    "provider": lambda w: w.told.endpoint.host.slug,
}
#: By number: what page and API both have to say.
SAYS: dict[int, Callable[[World], list[str]]] = {
    1: lambda w: [str(w.version), w.version.maker.name, f"{w.dataset.slug} 1"],
    2: lambda w: ["retention_days", "baseline", "Made for a test."],
    3: lambda w: ["0.2", "0.7"],
    4: lambda w: [w.told.use_case.slug, f"uses {w.dataset.slug} 1 for training"],
    5: lambda w: [w.told.use_case.slug, f"It uses {w.prompt.slug} v1."],
    6: lambda w: [w.told.use_case.slug, w.version.model.slug, w.refusing.slug],
    7: lambda w: ["It would break 1 approval", "DATA_CLASSIFICATION", w.told.environment.slug],
    8: lambda w: [one.sentence for one in lacking(w)],
    9: lambda w: [w.told.use_case.slug, w.told.endpoint.slug, w.told.environment.slug],
    10: lambda w: [w.told.use_case.team.name, "rota heron, #heron"],
    11: lambda w: [w.told.use_case.slug, w.told.endpoint.slug, w.told.environment.slug],
    12: lambda w: [f"{w.told.use_case.slug} release 1 is offered at {w.told.endpoint.slug}"],
    13: lambda w: [f"{w.told.use_case.slug}-1@{w.told.endpoint.slug}", w.told.environment.slug],
}


def lacking(world: World) -> list:
    found = readiness(world.told.release, world.regulated).in_the_way
    assert found
    return found


def rows() -> list[tuple[int, str, str, str]]:
    return [(int(number), *rest) for number, *rest in ROW.findall(DOCUMENT.read_text())]


def address(template: str, world: World) -> str:
    return re.sub("<([^>]+)>", lambda found: str(NAMED[found[1]](world)), template)


def test_each_question_is_tried():
    assert [number for number, *_ in rows()] == list(SAYS) == list(range(1, 14))


@pytest.mark.parametrize("number", SAYS)
def test_a_question_is_answered_by_its_page_and_by_the_api(world, number):
    question, page, api = next(row for key, *row in rows() if key == number)
    assert question.endswith("?")
    viewer = make.make_person("", "viewer", team=world.told.use_case.team)
    browser, caller = Client(), Reader(make.make_token(viewer))
    browser.force_login(viewer)
    shown = browser.get(address(page, world))
    told = caller.client.get(address(api, world), headers=caller.headers)
    assert (shown.status_code, told.status_code) == (200, 200), (shown.content, told.content)
    text = html.unescape(shown.text.partition("<main")[2] or shown.text)
    seen = SAYS[number](world)
    if number == 6:
        # The model that refuses belongs to another team: it is counted.
        *seen, refusing = seen
        assert refusing not in text and refusing not in told.content.decode()
        assert "1 model that you may not see" in text and told.json()["results"][0]["hidden"] == 1
    for sentence in seen:
        assert sentence in text, (page, sentence)
        assert sentence in told.content.decode(), (api, sentence)


def test_who_sees_both_models_reads_that_they_disagree(world):
    browser = Client()
    browser.force_login(make.registrar())
    assert world.refusing.slug in browser.get("/uses/").text
