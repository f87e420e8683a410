from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("gridmap", "0005_incident_states"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="must_change_password",
            field=models.BooleanField(
                default=False,
                db_default=False,
                editable=False,
                help_text="Somebody else chose the password: no role opens anything until its holder has chosen another.",
                verbose_name="must change the password",
            ),
        ),
    ]
