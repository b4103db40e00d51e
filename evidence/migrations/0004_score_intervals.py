from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("evidence", "0003_scans_and_deliveries"),
    ]

    operations = [
        migrations.AddField(
            model_name="score",
            name="high",
            field=models.CharField(
                blank=True, default="", max_length=64, verbose_name="upper bound"
            ),
        ),
        migrations.AddField(
            model_name="score",
            name="level",
            field=models.CharField(
                blank=True, default="", max_length=64, verbose_name="confidence level"
            ),
        ),
        migrations.AddField(
            model_name="score",
            name="low",
            field=models.CharField(
                blank=True, default="", max_length=64, verbose_name="lower bound"
            ),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("high", ""), ("level", ""), ("low", "")),
                    models.Q(
                        models.Q(("low", ""), _negated=True), models.Q(("high", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="score_interval_is_whole",
                violation_error_message="An interval has two bounds.",
            ),
        ),
    ]
