"""Chinese and English are both complete: the catalogue against the sources, and the pages themselves."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.test import Client

from boundaries.models import Building, Compound
from gridmap.models import Household
from scripts import catalogues
from tests.gridmap.conftest import Cast

ROOT = Path(__file__).resolve().parents[2]
FILE = catalogues.LOCALE / "zh_Hans" / "LC_MESSAGES" / "django.po"
HAN = re.compile(r"[㐀-鿿]")
# Half-width marks beside Chinese text look like slips; within Latin text, numbers and commands they are right.
_HALF_WIDTH = re.compile(r"[㐀-鿿][,;?!](?!\w)|[㐀-鿿]\.(?:\s|$)|[㐀-鿿]\(|\)[㐀-鿿]|[㐀-鿿]:(?!//)")
# Names that have no Chinese form, and what one types or reads letter by letter.
NAMES = re.compile(
    r"\b(?:GeoPackage|GeoJSON|Shapefile|OpenStreetMap|CSV|Excel|GCJ-02|BD-09|WGS[ -]?84|CGCS2000|EPSG|SRID|WKT|UTF-8"
    r"|GBK|GB18030|Big5|Gridmap|JavaScript|API|English|Enter|Esc|Ctrl|make up|manage\.py \w+|MB|km|m|[A-Z])\b"
)
# Translated by something that holds no Chinese character.
LATIN_ALL_THROUGH = {"%(why)s.", "%(file)s: %(error)s."}


@pytest.fixture(scope="module")
def said() -> Catalog:
    """What the sources say now."""
    return catalogues.fresh_catalogue("django")


def test_every_string_of_the_sources_is_translated_with_its_placeholders(said: Catalog) -> None:
    assert len(said) > 900
    assert catalogues.problems(said, "zh_Hans", "django") == []


def test_the_catalogue_holds_nothing_that_the_sources_no_longer_say(said: Catalog) -> None:
    kept = read_po(FILE.read_bytes().splitlines(keepends=True), locale="zh_Hans")
    now = {(message.context, message.id) for message in said if message.id}
    assert {(message.context, message.id) for message in kept if message.id} - now == set()


def test_scripts_say_nothing_by_a_catalogue_of_their_own() -> None:
    assert not [message for message in catalogues.fresh_catalogue("djangojs") if message.id]


def test_faults_in_a_catalogue_are_found(
    said: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself: missing, fuzzy, empty, with a lost and with an invented placeholder."""
    text = FILE.read_text(encoding="utf-8")
    broken = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    broken.parent.mkdir(parents=True)
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    broken.write_text(text, encoding="utf-8")
    known = set(catalogues.problems(said, "zh_Hans", "django"))
    for before, after, fault in (
        ('msgid "Sign in"', 'msgid "Sign on"', "not in the catalogue"),
        ('msgid "Sign in"', '#, fuzzy\nmsgid "Sign in"', "marked as fuzzy"),
        ('msgstr "登录"', 'msgstr ""', "not translated"),
        ('msgstr[0] "%(n)s 户"', 'msgstr[0] "户"', "placeholders"),
        ('msgstr "登录"', 'msgstr "%(who)s登录"', "placeholders"),
    ):
        assert before in text
        broken.write_text(text.replace(before, after, 1), encoding="utf-8")
        (found,) = set(catalogues.problems(said, "zh_Hans", "django")) - known
        assert fault in found


def test_renewing_a_complete_catalogue_changes_nothing(
    said: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(FILE.read_bytes())
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path)
    catalogues.renew(said, "zh_Hans", "django")
    assert copy.read_bytes() == FILE.read_bytes()


def test_the_catalogue_compiles_with_the_formats_checked(tmp_path: Path) -> None:
    subprocess.run(["msgfmt", "--check-format", "-o", tmp_path / "django.mo", FILE], check=True)


def test_chinese_is_written_with_chinese_marks() -> None:
    kept = read_po(FILE.read_bytes().splitlines(keepends=True), locale="zh_Hans")
    wrong = [
        (message.id, text)
        for message in kept
        for text in ([message.string] if isinstance(message.string, str) else message.string or ())
        if message.id and (_HALF_WIDTH.search(text) or not (HAN.search(text) or text == message.id))
    ]
    assert [pair for pair in wrong if pair[0] not in LATIN_ALL_THROUGH] == []


class _Seen(HTMLParser):
    """What a reader meets: text and the labels of things; not scripts, and nothing in a language of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.language: str | None = None
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "html":
            self.language = values.get("lang")
        elif tag in {"script", "style", "template", "code"} or values.get("lang"):
            self._silent.append(tag)
        for name in ("aria-label", "title", "placeholder", "alt", "content"):
            if (value := values.get(name)) and (name != "content" or values.get("name") == "description"):
                self.texts.append(value)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._silent:
            self.texts.append(" ".join(data.split()))


def _seen(client: Client, path: str, language: str) -> _Seen:
    response = client.get(path, headers={"accept-language": language})
    assert response.status_code == 200, (path, response.status_code)
    seen = _Seen()
    seen.feed(response.content.decode())
    return seen


# Who walks where. Data that people typed in Chinese is not on these pages; names have an English form.
WALKS = {
    "anonymous": ["/", "/?q=团结巷", "/?lon=0&lat=0", "/sign-in/"],
    "lead": ["/home/", "/map/", "/mine/", "/mine/list/", "/desk/"],
    "planner": [
        "/planner/",
        "/planner/?by=specialist",
        "/planner/?by=community",
        "/planner/import/",
        "/planner/register/",
    ],
    "dispatcher": ["/desk/", "/desk/?state=all"],
    "supervisor": ["/today/", "/home/"],
    "administrator": ["/home/", "/first-run/"],
    "auditor": ["/home/"],
}


def _walk(cast: Cast, name: str, language: str) -> list[tuple[str, _Seen]]:
    client = Client()
    if name != "anonymous":
        client.force_login(cast.user(name))
    paths = list(WALKS[name])
    point = cast.town.buildings[0][0][0].point
    if name in {"anonymous", "lead"}:
        paths.append(f"/?lon={point.x}&lat={point.y}")
    if name == "lead":
        paths.append(f"/map/card?lon={point.x}&lat={point.y}")
        paths.append(f"/mine/buildings/{cast.town.buildings[0][0][0].pk}/")
    return [(path, _seen(client, path, language)) for path in paths]


@pytest.mark.parametrize("name", WALKS)
def test_chinese_pages_hold_no_english(cast: Cast, name: str) -> None:
    _needs_the_compiled_catalogue()
    for path, seen in _walk(cast, name, "zh-hans"):
        assert seen.language in {"zh-Hans", None}, path
        english = [text for text in seen.texts if re.search(r"[A-Za-z]{2,}", NAMES.sub("", text))]
        # The account's own name and the plan's are data.
        typed = (name, cast.town.plan.name)
        assert [text for text in english if not text.startswith(typed)] == [], path


@pytest.mark.parametrize("name", WALKS)
def test_english_pages_hold_no_chinese(cast: Cast, name: str) -> None:
    for path, seen in _walk(cast, name, "en"):
        assert seen.language in {"en", None}, path
        chinese = [text for text in seen.texts if HAN.search(text) and "团结巷" not in text]
        assert chinese == [], path


def test_each_language_is_offered_by_its_own_name(cast: Cast) -> None:
    for language, other in (("zh-hans", "English"), ("en", "简体中文")):
        page = Client().get("/", headers={"accept-language": language}).content.decode()
        assert f"<span>{other}</span>" in page


def test_an_address_is_said_in_the_readers_language(cast: Cast) -> None:
    building: Building = cast.town.buildings[0][0][0]
    assert isinstance(building.compound, Compound)
    assert (building.address, building.address_en) == ("和平小区1 1栋", "Building 1, Heping Court 1")
    household = Household(building=building, entrance="2", room="1203")
    assert (household.door, household.door_en) == ("2单元 1203", "Entrance 2, 1203")
    for language, said in (("zh-hans", building.address), ("en", building.address_en)):
        client = Client(headers={"accept-language": language})
        page = client.get(f"/?lon={building.point.x}&lat={building.point.y}").content.decode()
        assert said in page


@pytest.mark.parametrize(
    ("language", "missing", "closed"),
    [("zh-hans", "未找到", "没有权限"), ("en", "Not found", "Not permitted")],
)
def test_refusals_speak_the_readers_language(cast: Cast, language: str, missing: str, closed: str) -> None:
    if language == "zh-hans":
        _needs_the_compiled_catalogue()
    client = Client(headers={"accept-language": language})
    client.force_login(cast.user("auditor"))
    nowhere, forbidden = client.get("/no-such-page/"), client.get("/desk/")
    assert (nowhere.status_code, forbidden.status_code) == (404, 403)
    assert f'<p class="empty__title">{missing}</p>' in nowhere.content.decode()
    assert f'<p class="empty__title">{closed}</p>' in forbidden.content.decode()


def _needs_the_compiled_catalogue() -> None:
    made = FILE.with_suffix(".mo")
    assert made.exists(), "The catalogue is not compiled; `make test` does it before the tests."
    assert made.stat().st_mtime_ns >= FILE.stat().st_mtime_ns, (
        "The compiled catalogue is older than its source."
    )
