import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit import clock
from evidence.open_runs import ABOUT, open_runs


def look_back(apps, schema_editor):
    """Write which of the runs that are there wait to be accepted."""
    EvaluationRun = apps.get_model("evidence", "EvaluationRun")
    OpenRun = apps.get_model("evidence", "OpenRun")
    now = clock.now()
    measured = (
        EvaluationRun._base_manager.filter(acceptance=None, item__expires_at__gt=now)
        .order_by()
        .values_list("suite_version", *ABOUT)
        .distinct()
    )
    for of in list(measured):
        OpenRun.objects.bulk_create(open_runs(EvaluationRun, OpenRun, of, now))


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0004_score_intervals"),
        ("registry", "0007_fresh_sign_ins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OpenRun",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="open_run",
                        serialize=False,
                        to="evidence.evaluationrun",
                    ),
                ),
                ("complete", models.BooleanField()),
                ("ran_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "given_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.release",
                    ),
                ),
                (
                    "suite_version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.suiteversion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["release", "suite_version", "ran_at"], name="open_of_release"
                    ),
                    models.Index(
                        fields=["version", "suite_version", "ran_at"], name="open_of_version"
                    ),
                ],
            },
        ),
        migrations.RunPython(look_back, migrations.RunPython.noop, elidable=True),
    ]
