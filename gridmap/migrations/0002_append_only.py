"""The application's role may add to the records of what was done and read, and never change them."""

from django.db import migrations

TABLES = "gridmap_auditentry, gridmap_accessrecord"
ROLE = "gridmap_app"


def _if_role(statement: str) -> str:
    return f"""
        DO $$ BEGIN
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
            {statement};
          END IF;
        END $$
    """


class Migration(migrations.Migration):
    dependencies = [("gridmap", "0001_initial")]

    operations = [
        migrations.RunSQL(
            _if_role(f"REVOKE UPDATE, DELETE, TRUNCATE ON {TABLES} FROM {ROLE}"),
            _if_role(f"GRANT UPDATE, DELETE ON {TABLES} TO {ROLE}"),
        )
    ]
