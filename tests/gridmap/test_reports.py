"""The standalone HTML of a plan and of a comparison: complete in itself, escaped, small, in both languages."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from boundaries.models import Compound, Outline, Plan
from gridmap.reports import compared, comparison_html, plan_html
from tests import factories
from tests.factories import RESIDENT
from tests.gridmap.comparing_town import carved, merged, pulled
from tests.gridmap.conftest import Cast
from tests.gridmap.publishing_town import outline

EVIL = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>${window.pwned=1}{{7*7}}"


class Outside(HTMLParser):
    """Collects whatever a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.policy = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values.get("content") or ""
        for name in ("src", "href", "srcset", "data", "poster"):
            if values.get(name):
                self.found.append(f"{tag} {name}={values[name]}")


def read(html: str) -> Outside:
    parser = Outside()
    parser.feed(html)
    return parser


def visible(html: str) -> str:
    """The text beside the map."""
    panel = re.search(r'<aside class="report">(.*?)</aside>', html, re.DOTALL)
    assert panel
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel[1]))


def test_nothing_is_fetched_from_anywhere(cast: Cast) -> None:
    for html in (
        comparison_html(compared(pulled(cast.town))),
        plan_html(compared(cast.town.plan, cast.town.plan)),
    ):
        page = read(html)
        assert page.found == []
        assert page.policy.startswith("default-src 'none'")
        assert "connect-src" not in page.policy, "not even to where it came from"
        styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
        assert {each[:5] for each in re.findall(r"url\(['\"]?([^)'\"]*)", styles)} <= {
            "data:",
            "#line",
            "#hatc",
        }
        assert "@import" not in styles
        assert "sourceMappingURL" not in html
        for foreign in ("jquery", "bootstrap", "awesome", "cdn.", "unpkg", "openstreetmap"):
            assert foreign not in html.lower()
        assert len(html.encode()) < 1_000_000


def test_the_numbers_stand_beside_the_map(cast: Cast) -> None:
    draft, _fresh = carved(cast.town)
    html = comparison_html(compared(draft))
    text = visible(html)
    assert "Carved compared with what is in force" in text
    assert "1 new, 0 gone, 1 changed" in text
    assert "Heping grid 1" in text
    assert "New grid" in text
    assert "target 2,500 people a grid" in text
    assert "Synthetic data" in text
    assert "from Heping grid 1 to New grid" in html
    whole = plan_html(compared(cast.town.plan, cast.town.plan))
    assert "9 grids · 36 households · 72 people" in visible(whole)
    assert "Specialist 001" in whole


def test_the_file_is_in_the_language_of_the_caller(cast: Cast) -> None:
    found = compared(pulled(cast.town))
    with translation.override("zh-hans"):
        html = comparison_html(found)
    assert '<html lang="zh-Hans">' in html
    assert "和平第1网格" in visible(html)
    assert "Heping grid 1" not in html
    with translation.override("en"):
        assert '<html lang="en">' in comparison_html(found)


def test_names_from_files_are_text_and_nothing_else(cast: Cast) -> None:
    draft = pulled(cast.town)
    Outline.objects.filter(plan=draft, grid=cast.town.grids[0][0]).update(name=EVIL[:100], name_en=EVIL)
    Compound.objects.filter(pk=cast.town.compounds[0][0].pk).update(name=EVIL[:100], name_en=EVIL)
    Plan.objects.filter(pk=draft.pk).update(name=EVIL[:100])
    type(cast.specialists["lead"]).objects.filter(pk=cast.specialists["lead"].pk).update(
        public_name_en=EVIL[:60]
    )
    draft = Plan.objects.select_related("subdistrict").get(pk=draft.pk)
    plain = read(comparison_html(compared(pulled(cast.town, "Plain"))))
    html = comparison_html(compared(draft))
    assert read(html).tags == plain.tags, "no tag more than with plain names"
    assert EVIL not in html
    assert "49" not in visible(html).split("Counted")[0], "a name is no template"


def told(html: str, title: str) -> list[str]:
    """What the map says of the grid of this name, line by line."""
    tip = re.search(rf"<b>{title}</b>(.*?)\"", html.replace(r"\u003c", "<").replace(r"\u003e", ">"))
    assert tip
    return tip[1].split("<br>")


def household(cast: Cast, row: int, column: int, homes: int) -> None:
    """So many more households of two in the first building of a grid."""
    for number in range(homes):
        factories.make_household(cast.town.buildings[row][column][0], f"9{number:02d}")


def test_people_of_few_households_are_left_out(cast: Cast) -> None:
    """1,0 to 1,2 hold four households each; eight more make 1,1 a grid whose people may be told."""
    household(cast, 1, 1, 8)
    html = plan_html(compared(cast.town.plan, cast.town.plan))
    first, second = (outline(cast.town.plan, cast.town.grids[1][column]) for column in (0, 1))
    few, many = told(html, first.name_en), told(html, second.name_en)
    assert [line for line in few if "people" in line] == []
    assert "4 households" in few
    assert "24 people" in many
    assert re.search(rf"{first.code} · [^–]*? 4 –", visible(html))


def test_people_who_move_are_not_to_be_had_by_subtraction(cast: Cast) -> None:
    """Both grids hold plenty, but two households move: neither shows its people before and after, nor the summary."""
    for column in (0, 1, 2):
        household(cast, 0, column, 20)
    html = comparison_html(compared(pulled(cast.town)))
    titles = [outline(cast.town.plan, cast.town.grids[0][column]).name_en for column in range(3)]
    assert [any("people" in line for line in told(html, title)) for title in titles] == [False, False, True]
    assert not re.search(r"[\d,]+ people, \d+ building", visible(html))
    assert "→" in visible(html), "households are shown before and after"


def test_a_sum_is_left_out_where_it_tells_of_few(cast: Cast) -> None:
    """One small grid among large ones: the sum over all, less the others, would be its people."""
    for row, column in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)):
        household(cast, row, column, 10)
    text = visible(plan_html(compared(cast.town.plan, cast.town.plan)))
    assert re.search(r"9 grids · 116 households · \d+ above the target", text), "and no people between"


def test_no_resident_and_no_full_name(cast: Cast) -> None:
    html = comparison_html(compared(merged(cast.town))) + plan_html(compared(cast.town.plan, cast.town.plan))
    assert RESIDENT not in html
    assert "Legal Name" not in html


# --- manage.py report_plan ------------------------------------------------------------------------------------


def test_report_plan_writes_a_file(cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = pulled(cast.town)
    out = tmp_path / "plan.html"
    call_command("report_plan", str(draft.pk), "--out", str(out))
    assert "plan.html: 0." in capsys.readouterr().out
    assert "3 grids" in visible(out.read_text(encoding="utf-8"))
    call_command("report_plan", "Pulled", "--against", "in-force", "--out", str(out), "--language", "en")
    assert "2 changed" in visible(out.read_text(encoding="utf-8"))
    call_command("report_plan", "Pulled", "--against", "Founding scheme", "--out", "-", "--language", "en")
    assert "Pulled compared with Founding scheme" in visible(capsys.readouterr().out)
    call_command(
        "report_plan",
        "Pulled",
        "--against",
        "in-force",
        "--at",
        "2018-01-01",
        "--out",
        str(out),
        "--language",
        "en",
    )
    assert "3 new, 0 gone" in visible(out.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["77777", "--out", "-"], "There is no plan “77777”"),
        (["Nowhere", "--out", "-"], "There is no plan “Nowhere”"),
        (["Twice", "--out", "-"], "Several plans are called “Twice”"),
        (["Pulled", "--against", "Merged", "--out", "-"], "no community in common"),
        (["Pulled", "--at", "yesterday", "--out", "-"], "yesterday"),
        (["Pulled", "--out", "/no/such/folder/plan.html"], "could not be written"),
    ],
)
def test_report_plan_says_what_is_wrong(cast: Cast, arguments: list[str], message: str) -> None:
    pulled(cast.town)
    merged(cast.town)
    pulled(cast.town, "Twice")
    merged(cast.town, "Twice")
    with pytest.raises(CommandError, match=message):
        call_command("report_plan", *arguments)
