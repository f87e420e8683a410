"""Editions of map layers: raised by every action that changes what a layer shows, in its transaction."""

from typing import Final

from django.db import connection

GRIDS: Final = "grids"
GROUND: Final = "ground"
BUILDINGS: Final = "buildings"


def raise_editions(*layers: str) -> None:
    """Give each layer a new number and wake whoever listens, both on commit."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO boundaries_edition AS e (layer, number, changed_at) VALUES (%s, 1, now())
            ON CONFLICT (layer) DO UPDATE SET number = e.number + 1, changed_at = now()
            """,
            [(layer,) for layer in sorted(set(layers))],
        )
        cursor.execute("SELECT pg_notify('boundaries', %s)", [" ".join(sorted(set(layers)))])
