"""A filled database is one that could have been written by the verbs: nothing in it disagrees."""

from django.core.management import call_command

from audit.models import Entry, Head
from evidence.models import EvidenceItem
from registry import search
from registry.models import ModelVersion, Person, RegisteredModel, Release
from tests import make
from tests.bench.fill import fill

VERSIONS = 240


def test_the_record_of_a_filled_database_is_whole(db, capsys):
    written = fill(VERSIONS, promotions=120)
    head = Head.objects.get(pk=1)
    assert head.size == Entry.objects.count() > written > VERSIONS
    call_command("audit_verify", "--evidence", "all")  # exits where anything disagrees
    assert capsys.readouterr().out.endswith(": clean.\n")


def test_it_holds_what_is_measured_and_work_goes_on_in_it(db):
    fill(VERSIONS)
    assert ModelVersion.objects.count() == VERSIONS
    assert ModelVersion.objects.filter(sealed_at=None).count() == VERSIONS // 20
    assert ModelVersion.objects.filter(base_version__isnull=False).count() > VERSIONS // 4
    assert Release.objects.exclude(digest="").count() == VERSIONS // 10
    assert EvidenceItem.objects.count() == VERSIONS // 20
    model = RegisteredModel.objects.order_by("pk").first()
    reader = Person.objects.get(username="reader")
    groups = search.found(reader, search.read(model.slug))
    assert model in next(group.rows for group in groups if group.source.noun is RegisteredModel)
    # Keys go on where the filling ended, and so does the log.
    made = make.make_model_version(model=model, sealed=True)
    assert made.pk > VERSIONS
    call_command("audit_verify")
