"""Writing many rows at once with COPY: new ones straight into the table, changed ones through a temporary one.

`bulk_update` builds one expression a value; 100,000 changed rows take it a quarter of an hour, this a few seconds.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection, models
from psycopg import sql

EVERY = 5000


def copy_new(
    model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]], on_row: Any = None
) -> int:
    """Insert rows.

    Parameters
    ----------
    model : type of Model
    fields : sequence of str
        Names of fields, in the order of the values in each row.
    rows : iterable of sequences
        Plain values; geometries as hexadecimal EWKB, ranges as PostgreSQL writes them. Constraints hold as ever.
    on_row : callable, optional
        Called with the count every 5,000 rows.

    Returns
    -------
    int
        How many.
    """
    return _copy(model._meta.db_table, _columns(model, fields), rows, on_row)


def copy_changes(
    model: type[models.Model], fields: Sequence[str], records: Iterable[models.Model], on_row: Any = None
) -> int:
    """Write the given fields of records that are there already. To be called in a transaction.

    Returns
    -------
    int
        How many.
    """
    columns = _columns(model, fields)
    names = ["id", *columns]
    table, held = sql.Identifier(model._meta.db_table), sql.Identifier("changed_rows")
    attributes = [field.attname for field in _fields(model, fields)]
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                held, _list(names), table
            )
        )
        count = _copy(
            "changed_rows",
            names,
            ((one.pk, *(_plain(getattr(one, name)) for name in attributes)) for one in records),
            on_row,
        )
        cursor.execute(
            sql.SQL("UPDATE {} AS t SET {} FROM {} AS c WHERE c.id = t.id").format(
                table,
                sql.SQL(", ").join(sql.SQL("{0} = c.{0}").format(sql.Identifier(name)) for name in columns),
                held,
            )
        )
        cursor.execute(sql.SQL("DROP TABLE {}").format(held))
    return count


def _copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], on_row: Any) -> int:
    count = 0
    order = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), _list(columns))
    with connection.cursor() as cursor, cursor.copy(order) as copy:
        for count, row in enumerate(rows, start=1):
            copy.write_row(row)
            if on_row is not None and count % EVERY == 0:
                on_row(count)
    return count


def _columns(model: type[models.Model], fields: Sequence[str]) -> list[str]:
    return [str(field.column) for field in _fields(model, fields)]


def _fields(model: type[models.Model], names: Sequence[str]) -> "list[models.Field[Any, Any]]":
    by_name = {field.name: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in names]


def _list(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _plain(value: Any) -> Any:
    return value.hexewkb.decode() if isinstance(value, GEOSGeometry) else value
