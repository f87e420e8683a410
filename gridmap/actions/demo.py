"""Load the demo town: one transaction, rows by COPY, demo logins with passwords of this installation."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from psycopg import sql

from boundaries.actions.editions import BUILDINGS, GRIDS, GROUND, raise_editions
from boundaries.actions.places import refresh_places
from boundaries.models import Subdistrict
from boundaries.models.constraints import since
from fixtures.town.rows import Chunk
from fixtures.town.staff import FOUNDING
from fixtures.town.stories import visited_grid
from fixtures.town.stream import TABLES, Writer, stream
from fixtures.town.town import DEFAULT_SEED, Town, make_town, silent
from gridmap.actions.audit import record
from gridmap.actions.demo_drafts import make_drafts
from gridmap.models import Role, RoleGrant, Specialist, SpecialistKind, User

# Sign-in name and role of each demo login; the neighbour is the specialist of the grid next to the first one's.
LOGINS: Final[tuple[tuple[str, Role], ...]] = (
    ("planner", Role.PLANNER),
    ("specialist", Role.SPECIALIST),
    ("neighbour", Role.SPECIALIST),
    ("clerk", Role.CLERK),
    ("dispatcher", Role.DISPATCHER),
    ("supervisor", Role.SUPERVISOR),
    ("administrator", Role.ADMINISTRATOR),
    ("auditor", Role.AUDITOR),
)
Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo town cannot be loaded; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Login:
    """A demo login as it is told once; only a hash of the password is stored."""

    username: str
    password: str
    role: str
    who: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: rows by table, and the logins."""

    rows: dict[str, int]
    logins: list[Login]


def load_demo(
    *,
    today: date,
    scale: float = 1.0,
    seed: int = DEFAULT_SEED,
    households: bool = True,
    residents: bool = True,
    logins: bool = True,
    say: Say = silent,
) -> Loaded:
    """Generate the demo town and write it, all or nothing.

    Parameters
    ----------
    today
        The day from which last month's redraw, leave and incidents are counted.
    scale
        Below 1 a part of the town of that share, above 1 that many subdistricts side by side.
    households, residents
        Without residents the households keep their head counts.

    Raises
    ------
    DemoError
        The town, or somebody with the name of a demo login, is there already.
    """
    _refuse_doubles(logins=logins)
    town = make_town(scale, seed=seed, today=today, say=say)
    copies = max(1, round(scale))
    return write_town(
        town,
        copies=copies,
        households=households,
        residents=residents,
        logins=logins,
        say=say,
        about={"seed": seed, "scale": scale},
    )


def write_town(
    town: Town,
    *,
    copies: int = 1,
    households: bool = True,
    residents: bool = True,
    logins: bool = True,
    say: Say = silent,
    about: dict[str, float] | None = None,
) -> Loaded:
    """Write a town, `copies` times side by side, in one transaction; see `load_demo`."""
    counts: dict[str, int] = {}
    with transaction.atomic():
        first = _next_keys()
        chunks = stream(
            town,
            copies=copies,
            first=first,
            households=households,
            residents=households and residents,
            each=(lambda writer: say(_("subdistrict %(code)s") % {"code": writer.code}))
            if copies > 1
            else None,
        )
        for chunk in chunks:
            _copy(chunk)
            before = counts.get(chunk.table, 0)
            counts[chunk.table] = before + chunk.rows
            if chunk.rows >= 1000 and copies == 1:
                say(f"{chunk.table.partition('_')[2]} {counts[chunk.table]:,}")
        _move_sequences()
        with connection.cursor() as cursor:
            # The rows' references are checked at once: a failure names its row here, not at the end.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("ANALYZE " + ", ".join(TABLES))
        towns = list(Subdistrict.objects.filter(pk__gte=first["boundaries_subdistrict"]).order_by("code"))
        for place in towns:
            refresh_places(place)
        say(_("search index"))
        raise_editions(GRIDS, GROUND, BUILDINGS)
        made = _make_logins(towns[0], town, first) if logins else []
        if logins:
            make_drafts(subdistrict=towns[0], by=User.objects.get(username="planner"))
            say(_("drafts"))
        record(
            verb="load_demo",
            noun="subdistrict",
            object_id=towns[0].code,
            details={**(about or {}), "rows": counts},
            by=None,
        )
    return Loaded(counts, made)


def _refuse_doubles(*, logins: bool) -> None:
    code = Writer.base_code()
    if Subdistrict.objects.filter(code=code).exists():
        raise DemoError(
            _("The subdistrict %(code)s is here already. Load the demo town into an empty database.")
            % {"code": code}
        )
    taken = (
        User.objects.filter(username__in=[name for name, _role in LOGINS]) if logins else User.objects.none()
    )
    if taken.exists():
        names = ", ".join(taken.order_by("username").values_list("username", flat=True))
        raise DemoError(
            _("The demo logins would collide with: %(names)s. Load the demo town into an empty database.")
            % {"names": names}
        )


def _next_keys() -> dict[str, int]:
    """The first free primary key of each table."""
    keys = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(sql.SQL("SELECT coalesce(max(id), 0) + 1 FROM {}").format(sql.Identifier(table)))
            keys[table] = int(cursor.fetchone()[0])
    return keys


def _copy(chunk: Chunk) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(chunk.table), sql.SQL(", ").join(map(sql.Identifier, chunk.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(chunk.data)


def _move_sequences() -> None:
    with connection.cursor() as cursor:
        for table in TABLES:
            # On an empty table max(id) is null, and setval of null does nothing.
            statement = sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))")
            cursor.execute(statement.format(sql.Literal(table), sql.Identifier(table)))


def _make_logins(subdistrict: Subdistrict, town: Town, first: dict[str, int]) -> list[Login]:
    """Make one account for each role; the specialists' accounts belong to people of the town."""
    holders = _holders(subdistrict, town, first)
    opened = since(datetime.combine(FOUNDING, time.min, subdistrict.zone))
    made = []
    for username, role in LOGINS:
        password = secrets.token_urlsafe(9)
        chief = role == Role.ADMINISTRATOR
        user = User(username=username, is_demo=True, is_staff=chief, is_superuser=chief)
        user.set_password(password)
        user.save()
        RoleGrant.objects.create(user=user, role=role, subdistrict=subdistrict, period=opened)
        who = ""
        if holder := holders.get(username):
            Specialist.objects.filter(pk=holder.pk).update(user=user)
            who = holder.name
        made.append(Login(username, password, str(role.label), who))
    return made


def _holders(subdistrict: Subdistrict, town: Town, first: dict[str, int]) -> dict[str, Specialist]:
    """Who signs in with the specialists' logins: lead of the planted lane's grid, a neighbour, a clerk."""
    day = town.calendar.today
    grid = visited_grid(town.scheme, town.built, town.stories)
    home = grid if grid is not None else 0
    community = town.scheme.grids[home].community
    lead = town.staff.lead(home, day)
    away = {absence.specialist for absence in town.staff.absences if absence.start <= day < absence.end}
    plain = [k for k, area in enumerate(town.scheme.grids) if area.kind == "all"]
    plain.sort(key=lambda k: (town.scheme.grids[k].community != community, k))
    leads = [town.staff.lead(k, day) for k in plain]
    neighbours = [s for s in leads if s is not None and s != lead and s not in away]
    keys = {"specialist": lead, "neighbour": neighbours[0] if neighbours else None}
    found = {
        name: Specialist.objects.get(pk=first["gridmap_specialist"] + row)
        for name, row in keys.items()
        if row is not None
    }
    clerk = (
        Specialist.objects.filter(subdistrict=subdistrict, kind=SpecialistKind.SERVICE)
        .filter(Q(community__code__endswith=community))
        .order_by("staff_number")
        .first()
    )
    return found | ({"clerk": clerk} if clerk else {})
