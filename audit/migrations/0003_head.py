from django.db import migrations


def make_head(apps, schema_editor):
    """The log begins empty, with its head."""
    apps.get_model("audit", "Head")._base_manager.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_initial")]

    operations = [migrations.RunPython(make_head, migrations.RunPython.noop)]
