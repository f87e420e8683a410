"""How an address and a door are said: in Chinese as on the spot, and in English for those who read that.

Stored are the parts only (`number` without 栋, `house_number` without 号, `entrance` without 单元), so that neither
language has to be taken out of the other.
"""

import re
from typing import Final

_HAN: Final = re.compile(r"[㐀-鿿]")
_ENDS_IN_ASCII: Final = re.compile(r"[0-9A-Za-z]$")


def address_zh(*, compound: str = "", number: str = "", street: str = "", house_number: str = "") -> str:
    """Give «依云镇3栋» or «团结巷12号»; the compound alone where there is no number.

    >>> address_zh(compound="依云镇", number="3"), address_zh(street="团结巷", house_number="12")
    ('依云镇3栋', '团结巷12号')
    >>> address_zh(compound="蓝光coco", number="3"), address_zh(compound="依云镇", number="A座")
    ('蓝光coco 3栋', '依云镇A座')
    """
    if compound and number:
        return _joined(compound, counted(number, "栋"))
    if street and house_number:
        return _joined(street, counted(house_number, "号"))
    return compound


def address_en(*, compound: str = "", number: str = "", street: str = "", house_number: str = "") -> str:
    """Give “Building 3, Yiyun Town” or “No. 12, Tuanjie Lane”; the compound alone where there is no number.

    >>> address_en(compound="Yiyun Town", number="3"), address_en(street="Tuanjie Lane", house_number="12")
    ('Building 3, Yiyun Town', 'No. 12, Tuanjie Lane')
    """
    if compound and number:
        return f"Building {number}, {compound}"
    if street and house_number:
        return f"No. {house_number}, {street}"
    return compound


def door_zh(entrance: str, room: str) -> str:
    """Give «2单元 1203», as it stands on the door.

    >>> door_zh("2", "1203"), door_zh("", "1203")
    ('2单元 1203', '1203')
    """
    return f"{counted(entrance, '单元') if entrance else ''} {room}".strip()


def door_en(entrance: str, room: str) -> str:
    """Give “Entrance 2, 1203”.

    >>> door_en("2", "1203"), door_en("2", "")
    ('Entrance 2, 1203', 'Entrance 2')
    """
    return ", ".join(part for part in (f"Entrance {entrance}" if entrance else "", room) if part)


def counted(number: str, counter: str) -> str:
    """Put `counter` after `number`, unless the number brings its own: 3栋, A座."""
    return number if _HAN.search(number) else f"{number}{counter}"


def _joined(name: str, number: str) -> str:
    return f"{name} {number}" if _ENDS_IN_ASCII.search(name) else f"{name}{number}"
