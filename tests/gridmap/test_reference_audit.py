"""Reference data changed in the admin leaves its trace: who, what, which fields; with the change or not at all."""

from typing import Any

import pytest

from boundaries.admin import Reference
from boundaries.models import Compound, Street
from gridmap.models import AuditEntry
from tests.gridmap.conftest import Cast
from tests.gridmap.test_admin import compound_form, page, signed_in


def trail() -> list[tuple[str, str, str, dict[str, Any], str]]:
    rows = AuditEntry.objects.order_by("pk").select_related("by")
    return [
        (row.verb, row.noun, row.object_id, row.details, row.by.get_username() if row.by else "")
        for row in rows
    ]


def test_a_change_is_recorded_with_the_names_of_its_fields(cast: Cast) -> None:
    compound = cast.town.compounds[0][0]
    client = signed_in(cast, "administrator")
    path = page("boundaries.compound", "change", compound.pk)
    assert client.post(path, compound_form(compound, name="新名小区")).status_code == 302
    assert trail()[-1] == ("change", "compound", str(compound.pk), {"fields": ["name"]}, "administrator")
    assert "新名小区" not in str(trail()), "names of fields, no values"


def test_adding_and_deleting_are_recorded(cast: Cast) -> None:
    client = signed_in(cast, "administrator")
    compound = cast.town.compounds[0][0]
    assert (
        client.post(page("boundaries.compound", "add"), compound_form(compound, name="x")).status_code == 302
    )
    made = Compound.objects.order_by("-pk")[0]
    assert trail()[-1][:3] == ("create", "compound", str(made.pk))
    street = Street.objects.get()
    path = page("boundaries.street", "delete", street.pk)
    assert client.post(path, {"post": "yes"}).status_code == 302
    assert trail()[-1] == ("delete", "street", str(street.pk), {}, "administrator")


def test_what_cannot_be_recorded_is_not_done(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_what: Any) -> None:
        raise RuntimeError("the record is full")

    monkeypatch.setattr(Reference, "record", staticmethod(full))
    compound = cast.town.compounds[0][0]
    client = signed_in(cast, "administrator")
    path = page("boundaries.compound", "change", compound.pk)
    with pytest.raises(RuntimeError, match="full"):
        client.post(path, compound_form(compound, name="changed"))
    assert not Compound.objects.filter(name="changed").exists()
    assert not AuditEntry.objects.exists()
