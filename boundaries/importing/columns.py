"""Which column holds what: told with ``--map``, else guessed by the names that such files use."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _

from boundaries.importing.report import ImportFileError

_CODE: Final = (
    "code",
    "编码",
    "編碼",
    "代码",
    "代碼",
    "编号",
    "編號",
    "adcode",
    "gbcode",
    "geoid",
    "ref",
    "id",
    "gid",
    "fid",
    "objectid",
    "osm_id",
)
_NAME: Final = ("name", "名称", "名稱", "mc", "title", "name_zh", "name:zh")

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "lon": ("lon", "lng", "long", "longitude", "经度", "經度"),
    "lat": ("lat", "latitude", "纬度", "緯度"),
    "x": ("x", "easting", "x坐标", "横坐标"),
    "y": ("y", "northing", "y坐标", "纵坐标"),
    "wkt": ("wkt", "geometry", "geom", "the_geom", "几何", "坐标串"),
    "community.code": ("community_code", "社区编码", "社区代码", "sqbm", "sqdm", "villcode", "村代码",
        *_CODE, "precid", "beat_num"),
    "community.name": ("community_name", "社区名称", "社区", "sqmc", "villname", "村里名稱", "村名", *_NAME, "precid", "beat"),
    "compound.code": ("compound_code", "小区编码", "小区代码", "xqbm", "xqdm", *_CODE),
    "compound.name": ("compound_name", "compound", "小区名称", "小区", "院落名称", "院落", "xqmc", *_NAME),
    "grid.code": ("grid_code", "gridcode", "网格编码", "网格代码", "网格编号", "wgbm", "wgdm", "wgbh",
        *_CODE, "precid", "beat_num"),
    "grid.name": ("grid_name", "gridname", "网格名称", "网格", "wgmc", *_NAME),
    "grid.kind": ("grid_kind", "网格类型", "wglx", "kind", "type", "类型"),
    "name_en": ("name_en", "name:en", "english_name", "英文名", "英文名称"),
    # what exports write where a cell of a Shapefile is too short (boundaries/exporting/files.py)
    "name_p2": ("name_p2",),
    "name_p3": ("name_p3",),
    "name_en_p2": ("name_en_p2",),
    "name_en_p3": ("name_en_p3",),
    "households": ("households", "hh", "户数", "戶數", "家庭户数", "住户数", "hushu"),
    "people": ("people", "pop", "population", "人口", "人口数", "人口數", "常住人口", "renkou"),
    "community": ("community", "community_code", "社区编码", "社区代码", "社区", "社区名称", "所属社区", "sqbm", "sqmc"),
    "kind": ("kind", "type", "类型", "类别", "lx"),
    "address": ("address", "addr", "地址", "详细地址", "dz"),
    "building.ref": ("source_ref", "building_id", "楼栋编码", "楼栋代码", "建筑编码", "osm_ref", "jzwbm", *_CODE),
    "building.name": ("building_name", "楼栋名称", "建筑名称", "建筑物名称", *_NAME),
    "number": ("number", "building_no", "栋号", "楼号", "幢号", "楼栋号", "楼栋", "栋", "dh"),
    "house_number": ("house_number", "housenumber", "addr:housenumber", "addr_housenumber", "门牌号", "门牌", "mph"),
    "street": ("street", "addr:street", "addr_street", "街路巷", "道路", "街道名称", "路名"),
    "compound": ("compound", "compound_name", "小区", "小区名称", "院落", "院落名称", "住宅小区", "xqmc"),
    "use": ("use", "usage", "building", "用途", "建筑用途", "房屋用途"),
    "floors": ("floors", "levels", "building:levels", "storeys", "层数", "楼层数", "总层数", "floor", "cs"),
    "entrances": ("entrances", "units", "单元数"),
    "building": ("building", "building_no", "楼栋", "栋号", "楼号", "幢号", "楼栋号", "栋", "幢", "楼", "座"),
    "unit": ("unit", "entrance", "单元", "单元号", "單元"),
    "floor": ("floor", "楼层", "层", "所在层"),
    "room": ("room", "door", "房号", "室", "房间号", "室号", "门牌号", "户号", "房间"),
    "head": ("head", "householder", "户主", "户主姓名", "戶長"),
    "members": ("members", "persons", "people", "head_count", "size", "人数", "人口数", "人口", "家庭人数",
        "家庭人口", "常住人数", "居住人数"),
    "household.ref": ("source_ref", "household_id", "户编号", "户号编码", "房屋编码", "登记编号", "ref", "id", "序号编码"),
    "household.address": ("address", "addr", "地址", "详细地址", "住址", "现住址", "居住地址", "家庭住址"),
    "osm.relation": ("osm_id",),
    "osm.way": ("osm_way_id",),
    **{f"osm.{tag}": (tag,) for tag in ("highway", "railway", "waterway", "tunnel", "landuse", "leisure",
        "natural", "water", "place")},
    "width": ("width", "width_m", "宽度", "路宽"),
    "rank": ("rank", "highway", "class", "道路等级", "等级", "道路类型"),
    "ground.ref": ("source_ref", *_CODE),
    "ground.name": (*_NAME, "道路名称", "路名"),
}  # fmt: skip


def plain(name: str) -> str:
    """A column's name without case, width, blanks and remarks in brackets."""
    text = unicodedata.normalize("NFKC", name).strip().lower()
    text = re.sub(r"[(\[（【].*?[)\]）】]", "", text)
    return re.sub(r"[\s_\-.*]+", "", text)


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """Read ``role=COLUMN`` pairs as ``--map`` takes them.

    Raises
    ------
    ImportFileError
        A pair has no equals sign.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        role, mark, column = pair.partition("=")
        if not mark or not role.strip() or not column.strip():
            raise ImportFileError(
                _("“%(pair)s” is no mapping. Write it as role=COLUMN, for example code=VILLCODE.")
                % {"pair": pair}
            )
        found[role.strip().lower()] = column.strip()
    return found


def choose(
    fields: Sequence[str], roles: Mapping[str, str], told: Mapping[str, str], *, file: str
) -> dict[str, str]:
    """Decide which column fills which role.

    Parameters
    ----------
    fields : sequence of str
        The file's columns.
    roles : mapping
        Role to the key in ``ROLES`` that lists its usual names, in order of choice.
    told : mapping
        Role to column, from the user; goes before guesses. An empty column says that the file has none.
    file : str
        For the message.

    Returns
    -------
    dict
        Role to column, for the roles that were found.

    Raises
    ------
    ImportFileError
        The user named a column that the file has not, or a role that nobody knows.
    """
    by_name: dict[str, str] = {}
    for name in fields:
        by_name.setdefault(plain(name), name)
    found: dict[str, str] = {}
    for role, column in told.items():
        if not column:
            continue
        if role not in roles:
            raise ImportFileError(
                _("There is nothing called “%(role)s” to map; possible are: %(roles)s.")
                % {"role": role, "roles": ", ".join(sorted(roles))}
            )
        actual = column if column in fields else by_name.get(plain(column))
        if actual is None:
            raise ImportFileError(
                _("%(file)s has no column “%(column)s”. Its columns: %(columns)s.")
                % {"file": file, "column": column, "columns": ", ".join(fields) or "–"}
            )
        found[role] = actual
    for role, key in roles.items():
        if role in found or told.get(role) == "":
            continue
        for candidate in ROLES[key]:
            actual = by_name.get(plain(candidate))
            if actual is not None:
                found[role] = actual
                break
    return found
