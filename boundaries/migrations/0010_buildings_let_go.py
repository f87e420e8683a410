"""A publication says itself which buildings it let go: what a plan scheduled before or after it did to their grids no
longer decides it."""

from django.db import migrations, models

# Where a row set by hand ended as a publication began that still has the grid, a planner let the building go there.
FROM_HISTORY = """
    INSERT INTO boundaries_publication_released (publication_id, building_id)
    SELECT p.id, w.building_id
    FROM boundaries_placement w
    JOIN boundaries_publication p ON p.state = 'standing' AND lower(p.period) = upper(w.period)
    JOIN boundaries_outline o ON o.plan_id = p.plan_id AND o.community_id = p.community_id AND o.grid_id = w.grid_id
    WHERE w.is_override
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("boundaries", "0009_codes_end")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="released",
            field=models.ManyToManyField(
                blank=True, editable=False, related_name="+", to="boundaries.building", verbose_name="buildings"
            ),
        ),
        migrations.RunSQL(FROM_HISTORY, migrations.RunSQL.noop),
    ]
