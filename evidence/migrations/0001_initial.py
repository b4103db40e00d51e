import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import audit.fields
import evidence.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("audit", "0002_initial"),
        ("registry", "0001_initial"),
        ("registry", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidenceItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=evidence.models.kind_choices, db_index=True, max_length=40
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("pass", "pass"), ("fail", "fail"), ("noted", "noted")],
                        max_length=10,
                    ),
                ),
                (
                    "standing",
                    models.CharField(
                        choices=[
                            ("self_reported", "self-reported"),
                            ("internal", "internal"),
                            ("independent", "independent"),
                        ],
                        default="internal",
                        max_length=20,
                    ),
                ),
                (
                    "vouched_by",
                    models.CharField(
                        help_text="The person or body that stands behind it.",
                        max_length=200,
                        verbose_name="who vouches",
                    ),
                ),
                ("answers", audit.fields.DocumentField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(editable=False)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("content", models.TextField(editable=False)),
                ("digest", models.CharField(db_index=True, editable=False, max_length=71)),
                (
                    "author",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_given",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="registry.release",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="evidence.evidenceitem",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="registry.modelversion",
                        verbose_name="model version",
                    ),
                ),
            ],
            options={
                "verbose_name": "evidence item",
                "ordering": ("-created_at", "-pk"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["release", "kind", "-created_at"], name="evidence_of_release"
                    ),
                    models.Index(
                        fields=["version", "kind", "-created_at"], name="evidence_of_version"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("release", None), ("version__isnull", False)),
                            models.Q(("release__isnull", False), ("version", None)),
                            _connector="OR",
                        ),
                        name="evidenceitem_one_subject",
                        violation_error_message="Name a release or a model version, one of them.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="evidenceitem_ends_after_it_begins",
                        violation_error_message="Evidence ends after it was created.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EvidenceFile",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=150)),
                ("size", models.PositiveBigIntegerField(help_text="Bytes.")),
                (
                    "sha256",
                    models.CharField(
                        db_index=True,
                        max_length=64,
                        validators=[django.core.validators.RegexValidator("^[0-9a-f]{64}$")],
                    ),
                ),
                ("content_type", models.CharField(max_length=100)),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="evidence.evidenceitem",
                    ),
                ),
            ],
            options={
                "verbose_name": "evidence file",
                "ordering": ("item", "pk"),
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("item", "sha256"),
                        name="evidencefile_once",
                        violation_error_message="The same file is attached twice.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EvaluationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "completeness",
                    models.CharField(
                        choices=[("complete", "complete"), ("partial", "partial")],
                        default="complete",
                        max_length=10,
                    ),
                ),
                ("ran_at", models.DateTimeField(help_text="When it was run.")),
                (
                    "source",
                    models.CharField(
                        help_text="Tool and version, or who measured.", max_length=200
                    ),
                ),
                (
                    "config",
                    audit.fields.DocumentField(
                        blank=True, default=dict, help_text="Settings of the run."
                    ),
                ),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs_given",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "suite_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="registry.suiteversion",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="evidence.evidenceitem",
                    ),
                ),
            ],
            options={
                "verbose_name": "evaluation run",
                "ordering": ("-ran_at", "-pk"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [models.Index(fields=["suite_version", "-ran_at"], name="run_newest")],
            },
        ),
        migrations.CreateModel(
            name="RunAcceptance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("accepted_at", models.DateTimeField()),
                ("reason", models.TextField()),
                (
                    "accepted_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs_accepted",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptance",
                        to="evidence.evaluationrun",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("accepted_by", models.F("given_by")), _negated=True),
                        name="runacceptance_by_somebody_else",
                        violation_error_message="A run is accepted by somebody other than its giver.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("filter", models.CharField(blank=True, default="", max_length=100)),
                ("subset", models.CharField(blank=True, default="", max_length=100)),
                ("value", models.DecimalField(decimal_places=6, max_digits=15)),
                ("text", models.CharField(max_length=64)),
                (
                    "stderr",
                    models.CharField(
                        blank=True, default="", max_length=64, verbose_name="standard error"
                    ),
                ),
                ("samples", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "metric",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scores",
                        to="registry.metric",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scores",
                        to="evidence.evaluationrun",
                    ),
                ),
            ],
            options={
                "ordering": ("run", "metric", "filter", "subset"),
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "metric", "filter", "subset"),
                        name="score_once",
                        violation_error_message="This score is given twice.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("withdrawn_at", models.DateTimeField()),
                ("reason", models.TextField()),
                (
                    "change",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawal",
                        to="evidence.evidenceitem",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
            },
        ),
    ]
