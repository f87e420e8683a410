"""Reading addresses: a name, a number, an entrance."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundaries import addresses, naming, spelling
from boundaries.addresses import MAX_LENGTH, number_key, readings
from boundaries.spelling import slips, sound


@pytest.mark.parametrize("module", [addresses, naming, spelling])
def test_examples_in_the_docs(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]  # parametrize gives modules
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("text", "base", "number", "counter", "entrance"),
    [
        ("依云镇3栋2单元", "依云镇", "3", "栋", "2"),
        ("依云镇３幢２门", "依云镇", "3", "栋", "2"),
        ("依云镇二十一栋", "依云镇", "21", "栋", ""),
        ("依云镇3号楼", "依云镇", "3", "栋", ""),
        ("依云镇3座1单元1204室", "依云镇", "3", "栋", "1"),
        ("柳台大道12号", "柳台大道", "12", "号", ""),
        ("柳台大道一百零八号", "柳台大道", "108", "号", ""),
        ("南街三巷7号", "南街3巷", "7", "号", ""),
        ("八一路5号", "八一路", "5", "号", ""),
        ("柳台大道123弄5号", "柳台大道123弄", "5", "号", ""),
        ("柳台大道58号附3号", "柳台大道", "58-3", "号", ""),
        ("yiyun 3", "yiyun", "3", "", ""),
        ("yiyunzhen3dong2danyuan", "yiyunzhen", "3", "栋", "2"),
        ("liutai dadao 12 hao", "liutaidadao", "12", "号", ""),
        ("3 Yiyun Town", "yiyuntown", "3", "", ""),
        ("Building 3, Yiyun Town", "yiyuntown", "3", "栋", ""),
        ("3栋", "", "3", "栋", ""),
    ],
)
def test_name_number_entrance(text: str, base: str, number: str, counter: str, entrance: str) -> None:
    reading = readings(text)[1]
    assert (reading.base, reading.number, reading.counter, reading.entrance) == (
        base,
        number,
        counter,
        entrance,
    )


def test_whole_text_is_the_first_reading() -> None:
    assert readings("依云 镇")[0].base == "依云镇"
    assert readings("") == readings("，。 ") == []


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for reading in readings(text):
        assert reading.base or reading.number
        assert len(reading.base) <= 3 * MAX_LENGTH


@given(st.integers(1, 99_999))
def test_number_is_the_same_however_written(number: int) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in str(number))
    assert number_key(str(number)) == number_key(f"0{number}号") == number_key(wide) == str(number)


@given(st.text("abcdefgh", min_size=5, max_size=10), st.data())
def test_one_slip_always_meets(word: str, data: st.DataObject) -> None:
    """One letter changed, added, left out or swapped: the slips of both share a key."""
    place = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("abcxyz"))
    changed = word[:place] + letter + word[place + 1 :]
    added = word[:place] + letter + word[place:]
    lost = word[:place] + word[place + 1 :]
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    known = {word, *slips(word, least=3)}
    for typed in (changed, added, lost, swapped):
        assert known & {typed, *slips(typed, least=3)}


@pytest.mark.parametrize(
    ("one", "other"), [("zhen", "zen"), ("ning", "lin"), ("sheng", "sen"), ("lv", "lu"), ("chuang", "cuan")]
)
def test_sounds_that_are_merged(one: str, other: str) -> None:
    assert sound(one) == sound(other)
