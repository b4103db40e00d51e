import uuid

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import audit.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("audit", "0002_initial"),
        ("evidence", "0001_initial"),
        ("registry", "0001_initial"),
        ("registry", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Challenge",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("package_digest", models.CharField(max_length=71)),
                ("verdict", models.CharField(max_length=20)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(db_index=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="GateVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "gate",
                    models.CharField(
                        choices=[
                            ("sandbox", "sandbox"),
                            ("production", "production"),
                            ("regulated", "regulated"),
                        ],
                        max_length=20,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("notes", models.TextField(blank=True)),
                ("published_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("content", models.TextField(blank=True, editable=False)),
                ("digest", models.CharField(blank=True, editable=False, max_length=71)),
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
            ],
            options={
                "ordering": ("gate", "-number"),
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("gate", "number"), name="gateversion_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("content", ""), ("digest", ""), ("published_at", None)),
                            models.Q(
                                models.Q(("digest", ""), _negated=True),
                                models.Q(("content", ""), _negated=True),
                                ("published_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="gateversion_published_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalGateVersion",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
                    ),
                ),
                (
                    "gate",
                    models.CharField(
                        choices=[
                            ("sandbox", "sandbox"),
                            ("production", "production"),
                            ("regulated", "regulated"),
                        ],
                        max_length=20,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("notes", models.TextField(blank=True)),
                ("published_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("digest", models.CharField(blank=True, editable=False, max_length=71)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical gate version",
                "verbose_name_plural": "historical gate versions",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalRequirement",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("evidence", "evidence"),
                            ("score", "score"),
                            ("metadata", "metadata"),
                            ("check", "check"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sentence", models.CharField(max_length=300)),
                ("guidance", models.TextField(blank=True)),
                ("terms", audit.fields.DocumentField(blank=True, default=dict)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "gate_version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="gates.gateversion",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical requirement",
                "verbose_name_plural": "historical requirements",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalSignOffSlot",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("registrar", "registrar"),
                            ("evidence_contributor", "evidence contributor"),
                            ("requester", "requester"),
                            ("reviewer", "reviewer"),
                            ("risk_owner", "risk owner"),
                            ("privacy_officer", "privacy officer"),
                            ("independent_validator", "independent validator"),
                            ("operator", "operator"),
                            ("policy_author", "policy author"),
                            ("auditor", "auditor"),
                            ("viewer", "viewer"),
                            ("administrator", "administrator"),
                        ],
                        max_length=30,
                    ),
                ),
                ("count", models.PositiveSmallIntegerField(default=1)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "gate_version",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="gates.gateversion",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical sign-off slot",
                "verbose_name_plural": "historical sign-off slots",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Package",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("schema", models.CharField(max_length=40)),
                ("content", models.TextField()),
                ("digest", models.CharField(max_length=71)),
                ("created_at", models.DateTimeField()),
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
            ],
            options={
                "ordering": ("-pk",),
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="HistoricalPromotion",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
                    ),
                ),
                (
                    "purpose",
                    models.TextField(
                        help_text="What this makes possible, and for whom.", verbose_name="why now"
                    ),
                ),
                (
                    "wanted_by",
                    models.DateField(blank=True, null=True, verbose_name="decision wanted by"),
                ),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("in_review", "in review"),
                            ("changes_requested", "changes requested"),
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("withdrawn", "withdrawn"),
                        ],
                        db_index=True,
                        default="draft",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("submission", models.PositiveIntegerField(default=0, editable=False)),
                ("submitted_at", models.DateTimeField(editable=False, null=True)),
                ("evidence_up_to", models.BigIntegerField(editable=False, null=True)),
                ("decided_at", models.DateTimeField(db_index=True, editable=False, null=True)),
                ("review_at", models.DateTimeField(editable=False, null=True)),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="registry.environment",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="registry.release",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_package",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="gates.package",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical promotion",
                "verbose_name_plural": "historical promotions",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="PackageEvidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="package_links",
                        to="evidence.evidenceitem",
                    ),
                ),
                (
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence_links",
                        to="gates.package",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("package", "item"), name="packageevidence_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "purpose",
                    models.TextField(
                        help_text="What this makes possible, and for whom.", verbose_name="why now"
                    ),
                ),
                (
                    "wanted_by",
                    models.DateField(blank=True, null=True, verbose_name="decision wanted by"),
                ),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("in_review", "in review"),
                            ("changes_requested", "changes requested"),
                            ("approved", "approved"),
                            ("rejected", "rejected"),
                            ("withdrawn", "withdrawn"),
                        ],
                        db_index=True,
                        default="draft",
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("submission", models.PositiveIntegerField(default=0, editable=False)),
                ("submitted_at", models.DateTimeField(editable=False, null=True)),
                ("evidence_up_to", models.BigIntegerField(editable=False, null=True)),
                ("decided_at", models.DateTimeField(db_index=True, editable=False, null=True)),
                ("review_at", models.DateTimeField(editable=False, null=True)),
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
                    "decided_package",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="gates.package",
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="registry.environment",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions",
                        to="registry.release",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotions_requested",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        fields=["release", "environment", "state"], name="promotion_decision"
                    ),
                    models.Index(fields=["environment", "state"], name="promotion_environment"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "in_review", "changes_requested"])
                        ),
                        fields=("release", "environment"),
                        name="promotion_one_undecided",
                        violation_error_message="A promotion of this release into this environment is open already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at", None),
                                ("decided_package", None),
                                ("review_at", None),
                                ("state__in", ["draft", "in_review", "changes_requested"]),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_package__isnull", False),
                                ("review_at__isnull", False),
                                ("state", "approved"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("review_at", None),
                                ("state", "rejected"),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_package", None),
                                ("review_at", None),
                                ("state", "withdrawn"),
                            ),
                            _connector="OR",
                        ),
                        name="promotion_verdict_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "withdrawn"]),
                            models.Q(
                                ("evidence_up_to__isnull", False),
                                ("submission__gt", 0),
                                ("submitted_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="promotion_review_was_submitted",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PackagePerson",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("involved", "involved"), ("signer", "signer")], max_length=10
                    ),
                ),
                ("ties", audit.fields.DocumentField(blank=True, default=list)),
                ("slot", models.CharField(blank=True, max_length=40, null=True)),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("registrar", "registrar"),
                            ("evidence_contributor", "evidence contributor"),
                            ("requester", "requester"),
                            ("reviewer", "reviewer"),
                            ("risk_owner", "risk owner"),
                            ("privacy_officer", "privacy officer"),
                            ("independent_validator", "independent validator"),
                            ("operator", "operator"),
                            ("policy_author", "policy author"),
                            ("auditor", "auditor"),
                            ("viewer", "viewer"),
                            ("administrator", "administrator"),
                        ],
                        default="",
                        max_length=30,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("approve", "approve"),
                            ("request_changes", "request changes"),
                            ("reject", "reject"),
                        ],
                        default="",
                        max_length=20,
                    ),
                ),
                ("meaning", models.CharField(blank=True, default="", max_length=60)),
                ("reason", models.TextField(blank=True, default="")),
                ("package_digest", models.CharField(blank=True, default="", max_length=71)),
                ("printed_name", models.CharField(blank=True, default="", max_length=200)),
                ("authentication", models.CharField(blank=True, default="", max_length=40)),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "challenge",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sign_off",
                        to="gates.challenge",
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
                    "package",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="people",
                        to="gates.package",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="package_rows",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="people",
                        to="gates.promotion",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("package", "person"),
                        name="packageperson_one_hat",
                        violation_error_message="This person has signed this package already or had a hand in it.",
                    ),
                    models.UniqueConstraint(
                        fields=("package", "slot"),
                        name="packageperson_one_per_slot",
                        violation_error_message="Somebody signed in this slot just before you.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("challenge", None),
                                ("kind", "involved"),
                                ("package_digest", ""),
                                ("signed_at", None),
                                ("slot", None),
                                ("verdict", ""),
                            ),
                            models.Q(
                                models.Q(("package_digest", ""), _negated=True),
                                models.Q(("verdict", ""), _negated=True),
                                models.Q(("meaning", ""), _negated=True),
                                models.Q(("role", ""), _negated=True),
                                models.Q(("printed_name", ""), _negated=True),
                                models.Q(("authentication", ""), _negated=True),
                                ("challenge__isnull", False),
                                ("kind", "signer"),
                                ("signed_at__isnull", False),
                                ("slot__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="packageperson_signature_is_whole",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="package",
            name="promotion",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="packages",
                to="gates.promotion",
            ),
        ),
        migrations.CreateModel(
            name="HistoricalPromotionEndpoint",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        auto_created=True, blank=True, db_index=True, verbose_name="ID"
                    ),
                ),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.change",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="registry.servingendpoint",
                    ),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="gates.promotion",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical promotion endpoint",
                "verbose_name_plural": "historical promotion endpoints",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddField(
            model_name="challenge",
            name="promotion",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="gates.promotion"
            ),
        ),
        migrations.CreateModel(
            name="PromotionEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
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
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotion_links",
                        to="registry.servingendpoint",
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="endpoint_links",
                        to="gates.promotion",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("promotion", "endpoint"),
                        name="promotionendpoint_once",
                        violation_error_message="This endpoint is asked for already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Requirement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=60)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("evidence", "evidence"),
                            ("score", "score"),
                            ("metadata", "metadata"),
                            ("check", "check"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sentence", models.CharField(max_length=300)),
                ("guidance", models.TextField(blank=True)),
                ("terms", audit.fields.DocumentField(blank=True, default=dict)),
                ("position", models.PositiveSmallIntegerField(default=0)),
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
                    "gate_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="requirements",
                        to="gates.gateversion",
                    ),
                ),
            ],
            options={
                "ordering": ("gate_version", "position", "code"),
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("gate_version", "code"), name="requirement_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignOffSlot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("registrar", "registrar"),
                            ("evidence_contributor", "evidence contributor"),
                            ("requester", "requester"),
                            ("reviewer", "reviewer"),
                            ("risk_owner", "risk owner"),
                            ("privacy_officer", "privacy officer"),
                            ("independent_validator", "independent validator"),
                            ("operator", "operator"),
                            ("policy_author", "policy author"),
                            ("auditor", "auditor"),
                            ("viewer", "viewer"),
                            ("administrator", "administrator"),
                        ],
                        max_length=30,
                    ),
                ),
                ("count", models.PositiveSmallIntegerField(default=1)),
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
                    "gate_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to="gates.gateversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-off slot",
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("gate_version", "role"), name="signoffslot_once"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.UniqueConstraint(fields=("promotion", "digest"), name="package_once"),
        ),
    ]
