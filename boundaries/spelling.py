"""Ways to write a name: as it stands, in pinyin, by initials, by sound, with a slip. Pure: no Django, no database.

Whatever is done to a stored name is done to what somebody types, so both meet on the same key.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff〇\U00020000-\U0003134f]")
_NOT_KEY = re.compile(r"[^0-9a-z\u3400-\u9fff\uf900-\ufaff〇\U00020000-\U0003134f]+")

# Second readings that place names really take. pypinyin chooses by phrase (重庆路 chongqing); a name that is in
# none of its phrases may still be said the other way.
SECOND_READINGS = {
    "重": "chong zhong", "长": "chang zhang", "乐": "le yue", "行": "xing hang", "都": "du dou",
    "朝": "chao zhao", "曾": "zeng ceng", "会": "hui kuai", "单": "dan shan", "厦": "sha xia", "车": "che ju",
    "藏": "zang cang", "传": "chuan zhuan", "角": "jiao jue", "绿": "lv lu", "露": "lu lou", "弄": "nong long",
    "盛": "sheng cheng", "宿": "su xiu", "堡": "bao pu bu", "铺": "pu", "校": "xiao jiao", "柏": "bai bo",
    "查": "zha cha", "燕": "yan", "台": "tai", "荥": "xing ying", "泊": "bo po", "朴": "pu piao",
    "降": "jiang xiang", "和": "he", "大": "da dai", "六": "liu lu", "巷": "xiang hang", "石": "shi dan",
    "兴": "xing", "解": "jie xie", "调": "tiao diao", "什": "shi shen", "蔚": "wei yu", "种": "zhong chong",
    "更": "geng", "省": "sheng xing", "还": "huan hai", "率": "shuai lv", "塞": "sai se", "丁": "ding zheng",
}  # fmt: skip
MAX_READINGS = 6

# 栋 after a number, however it is called, and 单元 for a door of a building.
_COUNTER = r"号楼|栋|幢|座|号|单元|门|弄|巷|组|期|楼|室|层|支路|段|街|环|院|区|村|队"
_NUMERAL = re.compile(rf"([零〇一二两三四五六七八九十百]+)(?={_COUNTER})")
_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_BUILDING = re.compile(r"(?<=[0-9a-z])\s*(?:号楼|号栋|号幢|幢|座|栋楼|#楼|#栋|#)")
_ENTRANCE = re.compile(r"(?<=[0-9a-z])\s*门(?!口|诊|面|前)")


def plain(text: str) -> str:
    """Half-width, lower case, without tone marks; ü is v. Spaces and punctuation stay.

    >>> plain("ＹＩ Yún，Lǜ")
    'yi yun,lv'
    """
    text = unicodedata.normalize("NFKD", text.casefold().replace("ü", "v"))
    text = text.replace("u\u0308", "v")
    return unicodedata.normalize("NFKC", "".join(char for char in text if not unicodedata.combining(char)))


def number_of(numeral: str) -> str:
    """A Chinese numeral in digits: 十二 is 12, 一百零五 and 一〇五 are 105.

    >>> [number_of(text) for text in ("三", "十二", "二十", "一百零五", "一〇五", "八一")]
    ['3', '12', '20', '105', '105', '81']
    """
    if "十" not in numeral and "百" not in numeral:
        return "".join(str(_DIGITS[char]) for char in numeral)
    total, digit = 0, 0
    for char in numeral:
        if char in "十百":
            total += (digit or 1) * (10 if char == "十" else 100)
            digit = 0
        else:
            digit = _DIGITS[char]
    return str(total + digit)


def counted(text: str) -> str:
    """Numbers before a counter in digits, counters of buildings as 栋, of entrances as 单元. `text` is plain.

    >>> counted("依云镇三幢二门"), counted("南街三巷5号楼"), counted("万达a座")
    ('依云镇3栋2单元', '南街3巷5栋', '万达a栋')
    """
    text = _NUMERAL.sub(lambda match: number_of(match[1]), text)
    return _ENTRANCE.sub("单元", _BUILDING.sub("栋", text))


def squash(text: str) -> str:
    """Letters, digits and Chinese characters of plain `text`, nothing else."""
    return _NOT_KEY.sub("", text)


@lru_cache(maxsize=8192)
def syllables(text: str) -> tuple[str, ...]:
    """Pinyin of each Chinese character without tones, in the reading its phrase asks for; the rest a character each.

    >>> syllables("重庆路"), syllables("b区长乐")
    (('chong', 'qing', 'lu'), ('b', 'qu', 'chang', 'le'))
    """
    spoken = lazy_pinyin(
        text,
        style=Style.NORMAL,
        errors=list,  # type: ignore[arg-type]  # pypinyin documents lists of parts; its stub knows only text
        v_to_u=False,
    )
    return tuple(plain(part) for part in spoken)


def readings(text: str) -> Iterator[tuple[str, ...]]:
    """Syllables of squashed `text`, first as its phrase asks for, then with one second reading at a time."""
    first = syllables(text)
    yield first
    if len(first) != len(text):
        return
    said = 1
    for place, char in enumerate(text):
        for other in SECOND_READINGS.get(char, "").split():
            if other != first[place] and said < MAX_READINGS:
                said += 1
                yield (*first[:place], other, *first[place + 1 :])


@lru_cache(maxsize=8192)
def sound(latin: str) -> str:
    """Joined pinyin with the sounds merged that speakers in Sichuan merge: zh/z, ch/c, sh/s, n/l, -ng/-n, ü/u.

    Works on whole texts, syllable borders unknown, so that also a half-typed word keeps its sound.

    >>> sound("yiyunzhen") == sound("yiyunzheng") == sound("yiyunzen")
    True
    """
    for said, merged in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("n", "l"), ("v", "u")):
        latin = latin.replace(said, merged)
    return latin


def latinised(text: str) -> str:
    """Squashed `text` with its Chinese characters in pinyin: 依yun is yiyun."""
    return squash("".join(syllables(text))) if HAN.search(text) else text


def slips(key: str, *, least: int) -> list[str]:
    """`key` with each character left out once; none for keys shorter than `least` or too long to be a name.

    Two keys within one letter changed, added, left out or swapped with its neighbour share a slip (or one is
    the other's): Damerau's distance of one by equality alone, so an ordinary index serves it.
    """
    if not least <= len(key) <= 24:
        return []
    return sorted({key[:place] + key[place + 1 :] for place in range(len(key))})
