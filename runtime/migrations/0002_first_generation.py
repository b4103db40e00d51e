from django.db import migrations

from audit import change, system
from audit.rules import canonical, digest
from runtime.compiling import empty


def begin(apps, schema_editor):
    """Give every environment that is there its empty generation 1."""
    Environment = apps.get_model("registry", "Environment")
    Snapshot = apps.get_model("runtime", "Snapshot")
    Activation = apps.get_model("runtime", "Activation")
    with change(
        actor=system("migration-0002"), reason="What runs is recorded from here on.", apps=apps
    ) as opened:
        for environment in Environment._base_manager.order_by("pk"):
            regions = environment.region_links.values_list("region__slug", flat=True)
            content = canonical(
                empty(environment.slug, environment.stage, environment.jurisdiction, regions)
            )
            snapshot = opened.save(
                Snapshot(
                    environment=environment,
                    content=content.decode(),
                    digest=digest(content),
                    created_at=opened.now,
                )
            )
            opened.save(
                Activation(environment=environment, generation=1, snapshot=snapshot, cause="begun"),
                event="environment.activated",
                facts={"snapshot": snapshot.digest},
            )


class Migration(migrations.Migration):
    dependencies = [
        ("runtime", "0001_initial"),
        ("registry", "0003_policy_packs"),
        ("audit", "0003_head"),
    ]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
