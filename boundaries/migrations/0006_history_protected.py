"""History cannot be rewritten: outlines of a frozen plan stay as they are, a frozen plan stays frozen, and the
application's role may add revisions but not change them."""

from django.db import migrations

ROLE = "gridmap_app"
# FOR SHARE: whoever freezes the plan at this moment is waited for, so that no outline slips in behind.
GUARD = """
CREATE FUNCTION boundaries_guard_outline() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  touched bigint[] := CASE TG_OP
    WHEN 'INSERT' THEN ARRAY[NEW.plan_id]
    WHEN 'DELETE' THEN ARRAY[OLD.plan_id]
    ELSE ARRAY[OLD.plan_id, NEW.plan_id] END;
BEGIN
  PERFORM 1 FROM boundaries_plan WHERE id = ANY (touched) ORDER BY id FOR SHARE;
  IF EXISTS (SELECT FROM boundaries_plan WHERE id = ANY (touched) AND frozen_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the plan of this outline is frozen: its outlines are history and stay as they are'
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'outline_of_frozen_plan';
  END IF;
  RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER outline_of_frozen_plan BEFORE INSERT OR UPDATE OR DELETE ON boundaries_outline
  FOR EACH ROW EXECUTE FUNCTION boundaries_guard_outline();

CREATE FUNCTION boundaries_guard_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the plan is frozen and stays so'
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'plan_stays_frozen';
END $$;
CREATE TRIGGER plan_stays_frozen BEFORE UPDATE OF frozen_at ON boundaries_plan
  FOR EACH ROW WHEN (OLD.frozen_at IS NOT NULL AND NEW.frozen_at IS DISTINCT FROM OLD.frozen_at)
  EXECUTE FUNCTION boundaries_guard_plan();
"""
UNGUARD = """
DROP TRIGGER plan_stays_frozen ON boundaries_plan;
DROP FUNCTION boundaries_guard_plan();
DROP TRIGGER outline_of_frozen_plan ON boundaries_outline;
DROP FUNCTION boundaries_guard_outline();
"""


def _if_role(statement: str) -> str:
    return f"""
        DO $$ BEGIN
          IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
            {statement};
          END IF;
        END $$
    """


class Migration(migrations.Migration):
    dependencies = [("boundaries", "0005_addresses_to_search")]

    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunSQL(
            _if_role(f"REVOKE UPDATE, DELETE, TRUNCATE ON boundaries_revision FROM {ROLE}"),
            _if_role(f"GRANT UPDATE, DELETE ON boundaries_revision TO {ROLE}"),
        ),
    ]
