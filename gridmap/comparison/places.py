"""The addresses of the buildings that change grid."""

from collections.abc import Collection

from boundaries.models import Building


def addresses(buildings: Collection[int]) -> dict[int, str]:
    """The name or address of each building in the reader's language, by id («#12» where it has neither). One query."""
    rows = (
        Building.objects.filter(pk__in=buildings)
        .select_related("compound", "street")
        .only(
            "name", "name_en", "number", "house_number",
            "compound__name", "compound__name_en", "street__name", "street__name_en",
        )
    )  # fmt: skip
    return {row.pk: str(row) for row in rows}
