"""The demo: what it promises is there, in the words of the gates' own functions."""

import html
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings

from audit import clock
from audit.models import Head, Verification
from audit.verifying import verify
from evidence import storage
from evidence.models import EvaluationRun, EvidenceFile
from gates.decisions import decide
from gates.models import PackagePerson, Promotion
from gates.packages import live
from gates.policy_pages import effects
from gates.review import review_facts
from gates.rules import in_the_way, open_slots
from portal.demo import people
from registry.models import (
    Environment,
    ModelVersion,
    Person,
    PolicyVersion,
    PromptVersion,
    Release,
    RoleGrant,
    RouterReport,
    UseCase,
)
from registry.roles import Role
from runtime.routers import acknowledgements, routers_of, standings
from tests.make import make_person

ROOT = Path(__file__).resolve().parents[2]

#: (release, environment) -> stored state, whether it may run today, the first reason's code
TOLD = {
    ("customer-chat 1", "sandbox-eu"): ("approved", False, "EVIDENCE_ENDED"),
    ("customer-chat 1", "production-eu"): ("approved", False, "EVIDENCE_ENDED"),
    ("customer-chat 2", "production-eu"): ("approved", True, "APPROVED"),
    ("customer-chat 2", "production-us"): ("approved", True, "APPROVED"),
    ("customer-chat 3", "production-eu"): ("changes_requested", False, "CHANGES_REQUESTED"),
    ("claims-triage 1", "sandbox-eu"): ("approved", True, "APPROVED"),
    ("claims-triage 1", "regulated-eu"): ("approved", True, "APPROVED"),
    ("claims-triage 2", "production-us"): ("rejected", False, "REJECTED"),
    ("claims-triage 3", "regulated-eu"): ("draft", False, "DRAFT"),
    ("contract-summaries 1", "sandbox-eu"): ("approved", True, "APPROVED"),
    ("contract-summaries 2", "production-eu"): ("in_review", False, "IN_REVIEW"),
    ("code-assistant 1", "sandbox-eu"): ("approved", True, "APPROVED"),
    ("code-assistant 1", "production-eu"): ("approved", True, "APPROVED"),
    ("code-assistant 2", "sandbox-eu"): ("approved", True, "APPROVED"),
    ("code-assistant 2", "production-eu"): ("in_review", False, "IN_REVIEW"),
}


def promotion(release: str, environment: str) -> Promotion:
    use_case, _, number = release.rpartition(" ")
    return Promotion.objects.get(
        release__use_case__slug=use_case,
        release__number=number,
        environment__slug=environment,
    )


class TestSeeded(TestCase):
    """One seeding for all of these, in the transaction of the class."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        # Every test empties the usual folder of evidence when it ends.
        kept = {
            **settings.STORAGES["evidence"],
            "OPTIONS": {**settings.STORAGES["evidence"]["OPTIONS"], "location": folder.name},
        }
        changed = override_settings(
            GATEHOUSE_DEMO=True, STORAGES={**settings.STORAGES, "evidence": kept}
        )
        changed.enable()
        cls.addClassCleanup(changed.disable)
        super().setUpClass()

    @classmethod
    def setUpTestData(cls):
        call_command("seed_demo", stdout=StringIO())

    def test_the_record_and_every_file_are_sound(self):
        report = verify(Verification.Scope.EVIDENCE)
        assert (report.found, report.not_checked) == ([], [])
        assert EvidenceFile.objects.count() > 20

    def test_seeding_twice_writes_nothing(self):
        before = Head.objects.values("size", "position", "last_at", "peaks").get()
        call_command("seed_demo", stdout=StringIO())
        assert Head.objects.values("size", "position", "last_at", "peaks").get() == before

    def test_each_state_is_there_and_decided_as_told(self):
        found = {}
        for one in Promotion.objects.all():
            answer = decide(one.release, one.environment)
            found[str(one.release), str(one.environment)] = (
                one.state,
                answer["allowed"],
                answer["reasons"][0]["code"],
            )
        assert found == TOLD

    def test_one_waits_for_a_risk_owner_alone(self):
        one = promotion("contract-summaries 2", "production-eu")
        package = live(one)
        assert in_the_way(package.findings) == []
        assert [str(slot) for slot in open_slots(review_facts(one, package))] == ["risk_owner:1"]

    def test_one_is_blocked_by_evidence_that_ended(self):
        standing = in_the_way(live(promotion("code-assistant 2", "production-eu")).findings)
        assert [(one.code, one.status.value) for one in standing] == [("safety_checks", "stale")]

    def test_the_requested_change_is_about_a_score_that_fails(self):
        standing = in_the_way(live(promotion("customer-chat 3", "production-eu")).findings)
        assert [(one.code, one.status.value) for one in standing] == [
            ("benchmark_scores", "failed")
        ]
        assert "pass_rate is 0.916" in standing[0].fact

    def test_the_draft_names_the_gap_in_its_lineage(self):
        standing = in_the_way(live(promotion("claims-triage 3", "regulated-eu")).findings)
        facts = {one.code: one.fact for one in standing}
        # Whoever reads the request is told how many; which ones stands on the page.
        assert facts["lineage_complete"] == "1 dataset version has no digest."

    def test_the_regulated_approval_has_four_signatures_of_five_months_ago(self):
        one = promotion("claims-triage 1", "regulated-eu")
        signed = PackagePerson.objects.filter(
            package=one.decided_package, kind=PackagePerson.Kind.SIGNER
        )
        assert sorted(signed.values_list("role", flat=True)) == [
            "independent_validator",
            "privacy_officer",
            "reviewer",
            "risk_owner",
        ]
        age = clock.now() - one.decided_at
        assert timedelta(days=140) < age < timedelta(days=160)

    def test_models_are_public_hosted_open_and_tuned(self):
        ours = ModelVersion.objects.filter(maker__slug="halden")
        public = ModelVersion.objects.exclude(maker__slug="halden").filter(sealed_at__isnull=False)
        assert public.count() >= 6
        assert len(set(public.values_list("maker", flat=True))) >= 3
        assert public.filter(endpoints__host__slug="azure").exists()
        assert public.filter(endpoints__host__slug="halden").exists()
        assert ours.filter(fine_tuning="adapter", base_version__in=public).exists()

    def test_purposes_and_places_are_as_many_as_promised(self):
        assert UseCase.objects.count() == 4
        assert set(UseCase.objects.values_list("risk_tier", flat=True)) == {
            "minimal",
            "limited",
            "high",
        }
        stages = sorted(Environment.objects.values_list("stage", flat=True))
        assert stages == ["production", "production", "regulated", "sandbox"]
        assert Release.objects.filter(sealed_at=None).count() == 1

    def test_a_drafted_pack_would_break_what_runs(self):
        draft = PolicyVersion.objects.get(published_at=None)
        assert str(draft) == "customer-data v2"
        self.client.force_login(Person.objects.get(username="policy.second"))
        page = html.unescape(self.client.get(f"/policy/versions/{draft.pk}/preview/").text)
        assert "It would break 2 approvals, free 0 approvals and change 1 open promotion." in page
        found = {str(one.promotion.release): one.broken for one in effects(draft)}
        assert {
            release: sorted(breach.clause for breach in broken) for release, broken in found.items()
        } == {
            "customer-chat 2": ["tools.authorization.customer-record"],
            "customer-chat 3": ["require.served_release_id", "tools.authorization.customer-record"],
        }

    def test_a_changed_prompt_shows_the_words_that_changed(self):
        version = PromptVersion.objects.get(template__slug="customer-chat-system", number=3)
        self.client.force_login(Person.objects.get(username="auditor"))
        page = self.client.get(f"/compare/?kind=prompt-version&b={version.pk}")
        assert "offer<ins> at once</ins> to connect" in page.text

    def test_one_gateway_keeps_up_and_one_has_missed_the_newest_generation(self):
        environment = Environment.objects.get(slug="production-eu")
        active = environment.activations.latest("generation")
        # Not by the clock of this machine: after five minutes without a word they count as silent.
        with clock.at(RouterReport.objects.latest("last_seen_at").last_seen_at):
            rows = standings(environment, routers_of(environment))
        found = {one.router.slug: one for one in rows}
        up, behind = found["gateway-frankfurt"], found["gateway-dublin"]
        assert (up.state, up.holds) == ("current", active.generation)
        assert (behind.state, behind.behind_since) == ("behind", active.change.at)
        taken = {one.router.slug: one.took_words for one in acknowledgements(active) if one.took}
        assert taken == {"gateway-frankfurt": "6 s"}

    def test_each_role_has_a_sign_in_that_works(self):
        members = {member.username: member for member in people.PEOPLE}
        members[people.FIRST_ADMINISTRATOR.username] = people.FIRST_ADMINISTRATOR
        seeded = Person.objects.filter(kind=Person.Kind.PERSON)
        assert {one.username for one in seeded} == set(members)
        for one in seeded:
            self.client.logout()
            self.client.post(
                "/login/", {"username": one.username, "password": people.PASSWORD, "next": "/"}
            )
            assert self.client.session.get("_auth_user_id") == str(one.pk), one.username
            assert {role for role, _ in one.grants} == set(members[one.username].roles)
        assert {role for one in members.values() for role in one.roles} == set(Role)

    def test_where_an_act_needs_a_second_person_there_are_two(self):
        for role in (
            Role.ADMINISTRATOR,
            Role.REGISTRAR,
            Role.EVIDENCE_CONTRIBUTOR,
            Role.REVIEWER,
            Role.RISK_OWNER,
            Role.POLICY_AUTHOR,
        ):
            held = RoleGrant.objects.in_force().filter(role=role)
            assert held.values("person").distinct().count() >= 2, role

    def test_figures_stand_in_their_files_and_somebody_else_let_them_count(self):
        runs = EvaluationRun.objects.exclude(acceptance=None).prefetch_related("scores__metric")
        assert runs.count() >= 14
        for run in runs:
            assert run.acceptance.accepted_by_id != run.given_by_id
            file = run.item.files.get(name=run.config["file"])
            with storage.open_file(file.sha256) as opened:
                figures = figures_in(file.name, opened.read().decode())
            for score in run.scores.all():
                assert float(score.text) == pytest.approx(figures[score.metric.name], abs=1e-12)

    def test_every_noun_opens_with_its_history(self):
        self.client.force_login(Person.objects.get(username="auditor"))
        opened = 0
        for model in admin.site._registry:
            noun = f"/{model._meta.app_label}/{model._meta.model_name}"
            for row in model._default_manager.order_by("pk")[:2]:
                for page in ("change", "history"):
                    address = f"{noun}/{row.pk}/{page}/"
                    assert self.client.get(address, follow=True).status_code == 200, address
                    opened += 1
        assert opened > 50

    def test_starting_it_prints_sign_ins_and_a_token_that_opens_the_api(self):
        printed = StringIO()
        call_command("demo", "--no-serve", stdout=printed)
        text = printed.getvalue()
        for member in (people.FIRST_ADMINISTRATOR, *people.PEOPLE):
            assert re.search(rf"^{re.escape(member.username)} ", text, re.MULTILINE)
        assert people.PASSWORD in text
        token = re.search(r"Bearer (\w+)", text)[1]
        address = re.search(r"http://localhost:8000(/api/v1/decision/\S+)\"", text)[1]
        answer = self.client.get(address, headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["allowed"] is True

    def test_starting_it_again_writes_nothing_but_a_token(self):
        before = Head.objects.get().position
        call_command("demo", "--no-serve", stdout=StringIO())
        assert Head.objects.get().position == before + 1


def figures_in(name: str, text: str) -> dict[str, float]:
    """Read figures from a file as the readers of the four tools would."""
    if name.endswith(".jsonl"):
        lines = [json.loads(line) for line in text.splitlines()]
        assert lines[1]["entry_type"] == "init"
        evals = [line for line in lines if line["entry_type"] == "eval"]
        total = sum(line["total_evaluated"] for line in evals)
        attempts = [
            line for line in lines if line["entry_type"] == "attempt" and line["status"] == 2
        ]
        assert len(attempts) == total
        worked = sum(score for line in attempts for (score,) in line["detector_results"].values())
        assert worked == total - sum(line["passed"] for line in evals)
        return {"attack_success_rate": worked / total}
    document = json.loads(text)
    if "lm_eval_version" in document:
        ((_, row),) = document["results"].items()
        ours = {"f1": "macro_f1", "severe_recall": "severe_recall", "pass@1": "humaneval_pass_at_1"}
        keyed = {key.partition(",")[0]: value for key, value in row.items() if "," in key}
        return {ours[key]: value for key, value in keyed.items() if key in ours}
    if "eval" in document:
        assert document["status"] == "success"
        assert document["results"]["completed_samples"] == len(document["samples"])
        return {
            score["name"]: score["metrics"]["accuracy"]["value"]
            for score in document["results"]["scores"]
        }
    rows = document["results"]["results"]
    (column,) = document["results"]["prompts"]
    scored = column["metrics"]
    leaks = scored["namedScoresCount"]["Leak"] - scored["namedScores"]["Leak"]
    return {
        "pass_rate": sum(row["success"] for row in rows) / len(rows),
        "leak_rate": leaks / len(rows),
    }


def test_it_refuses_outside_the_demo(db):
    for command in ("seed_demo", "demo"):
        with pytest.raises(CommandError, match="GATEHOUSE_DEMO"):
            call_command(command)
    assert not Person.objects.exists()


def test_it_refuses_a_database_of_somebody_else(db, settings):
    settings.GATEHOUSE_DEMO = True
    make_person("someone")
    size = Head.objects.get().size
    for command in (["seed_demo"], ["demo", "--no-serve"]):
        with pytest.raises(CommandError, match="GATEHOUSE_DATA_DIR"):
            call_command(*command, stdout=StringIO())
    assert Head.objects.get().size == size


def test_a_taken_port_is_told_before_anything_is_written(settings):
    settings.GATEHOUSE_DEMO = True
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CommandError, match="--port"):
            call_command("demo", port=taken.getsockname()[1])


@pytest.mark.long
def test_from_nothing_to_a_portal_that_knows_its_past(tmp_path):
    """Start it as README says, and ask for a day before the last approval ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(port)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "GATEHOUSE_DATA_DIR": str(tmp_path / "data")},
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )

    def ask(address: str, **headers: str) -> bytes:
        request = urllib.request.Request(f"http://localhost:{port}{address}", headers=headers)
        return urllib.request.urlopen(request, timeout=10).read()

    try:
        for _ in range(600):
            try:
                ask("/healthz")
                break
            except urllib.error.URLError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.5)
        text = log.read_text()
        token = re.search(r"Bearer (\w+)", text)[1]
        address = re.search(r"(/api/v1/decision/\S+)\"", text)[1]

        def allowed(days_ago: int) -> bool:
            at = (clock.now() - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = ask(f"{address}&at={at}", Authorization=f"Bearer {token}")
            return json.loads(answer)["allowed"]

        assert allowed(1)
        assert allowed(149)
        assert not allowed(154)
        assert (
            ask("/static/portal/tokens.css")
            == (ROOT / "portal/static/portal/tokens.css").read_bytes()
        )
    finally:
        process.terminate()
        process.wait(20)
