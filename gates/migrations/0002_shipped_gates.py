from django.db import migrations

from audit import change, system
from audit.rules import canonical, digest
from gates.shipped import GATES, document


def publish(apps, schema_editor):
    """Publish version 1 of each shipped gate, as a change of its own."""
    GateVersion = apps.get_model("gates", "GateVersion")
    Requirement = apps.get_model("gates", "Requirement")
    SignOffSlot = apps.get_model("gates", "SignOffSlot")
    with change(
        actor=system("migration-0002"), reason="The gates as shipped.", apps=apps
    ) as opened:
        for name, gate in GATES.items():
            version = opened.save(GateVersion(gate=name, number=1, notes="As shipped."))
            for position, requirement in enumerate(gate["requirements"]):
                opened.save(Requirement(gate_version=version, position=position, **requirement))
            for role, count in gate["slots"].items():
                opened.save(SignOffSlot(gate_version=version, role=role, count=count))
            content = canonical(document(name, 1, gate["requirements"], gate["slots"]))
            version = opened.lock(GateVersion, version.pk)
            version.published_at = opened.now
            version.content, version.digest = content.decode(), digest(content)
            opened.save(version, event="gateversion.published")


class Migration(migrations.Migration):
    dependencies = [("gates", "0001_initial"), ("audit", "0003_head")]

    operations = [migrations.RunPython(publish, migrations.RunPython.noop)]
