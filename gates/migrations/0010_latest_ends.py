import django.db.models.deletion
from django.db import migrations, models

from gates.latest import latest_ends

#: Packages that are read at a time.
CHUNK = 500


def look_back(apps, schema_editor):
    """Write by when each approval that is there ends at the latest."""
    Promotion = apps.get_model("gates", "Promotion")
    LatestEnd = apps.get_model("gates", "LatestEnd")
    approved = Promotion._base_manager.filter(state="approved").order_by("pk")
    last = 0
    while found := list(
        approved.filter(pk__gt=last).values_list("pk", "review_at", "decided_package__content")[
            :CHUNK
        ]
    ):
        LatestEnd.objects.bulk_create(latest_ends(LatestEnd, found))
        last = found[-1][0]


class Migration(migrations.Migration):
    dependencies = [("gates", "0009_helping")]

    operations = [
        migrations.CreateModel(
            name="LatestEnd",
            fields=[
                (
                    "promotion",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="latest_end",
                        serialize=False,
                        to="gates.promotion",
                    ),
                ),
                ("ends_by", models.DateTimeField(db_index=True)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.AlterModelOptions(
            name="signoffslot",
            options={
                "default_permissions": (),
                "ordering": ("gate_version", "pk"),
                "verbose_name": "sign-off slot",
            },
        ),
        migrations.RunPython(look_back, migrations.RunPython.noop, elidable=True),
    ]
