"""Compiled reading and writing of CSV rows as bytes: what is not looked at is copied as it stands.

Works in any encoding in which the ASCII characters stand for themselves (UTF-8, GBK, GB18030, Latin-1).
Quotation marks have a meaning only at the start of a field, as in Python's csv module. Self-contained, for
the reason given in `kernel`.
"""

import numpy as np
from numpy.typing import NDArray

from boundaries.bulk.compiled import compiled
from boundaries.bulk.layout import Bytes, Floats, Ints, Longs

QUOTE, NEWLINE, RETURN = 34, 10, 13
PARSED, NO_TEXT, UNSURE = 0, 1, 2
AT_START, IN_FIELD, IN_QUOTES, AFTER_QUOTE = 0, 1, 2, 3


@compiled
def last_record_end(text: Bytes, delimiter: int) -> int:
    """Where the last complete record of `text`, which begins with a record, ends; 0 if there is none."""
    state = AT_START
    end = 0
    for i in range(text.size):
        byte = text[i]
        if state == IN_QUOTES:
            if byte == QUOTE:
                state = AFTER_QUOTE
        elif byte == NEWLINE:
            end = i + 1
            state = AT_START
        elif byte == delimiter:
            state = AT_START
        elif byte == QUOTE and state != IN_FIELD:  # the first mark, or the second of a doubled one
            state = IN_QUOTES
        else:
            state = IN_FIELD
    return end


@compiled
def tokenise(text: Bytes, delimiter: int, columns: int, wanted: Ints, rows: Longs, fields: Longs) -> int:
    """Find the records and, in each, the fields that are wanted.

    `rows` (most records, 4) receives start, end without the line's end, number of fields, and start of the
    field in the last column; `fields` (most records, len(wanted), 2) start and end, equal where there is none.
    Returns the number of records; blank lines are none.
    """
    n = text.size
    at = 0
    count = 0
    while at < n:
        start = at
        field = 0
        last = at
        fields[count] = 0
        while True:
            begin = at
            if field == columns - 1:
                last = at
            if at < n and text[at] == QUOTE:
                at += 1
                while at < n:
                    if text[at] == QUOTE:
                        if at + 1 < n and text[at + 1] == QUOTE:
                            at += 1
                        else:
                            break
                    at += 1
            while at < n and text[at] != delimiter and text[at] != NEWLINE:
                at += 1
            stop = at
            over = at >= n or text[at] == NEWLINE
            if over and stop > begin and text[stop - 1] == RETURN:
                stop -= 1
            for j in range(wanted.size):
                if wanted[j] == field:
                    fields[count, j, 0] = begin
                    fields[count, j, 1] = stop
            field += 1
            at += 1
            if over:
                break
        if stop > start:
            rows[count, 0], rows[count, 1], rows[count, 2], rows[count, 3] = start, stop, field, last
            count += 1
    return count


@compiled
def parse_number(text: Bytes, start: int, stop: int) -> tuple[float, int]:
    """A plain decimal number, rounded as Python rounds it; UNSURE leaves any other writing to Python."""
    for _ in range(2):  # blanks, marks, blanks
        while start < stop and (text[start] == 32 or text[start] == 9):
            start += 1
        while start < stop and (text[stop - 1] == 32 or text[stop - 1] == 9):
            stop -= 1
        if stop - start >= 2 and text[start] == QUOTE and text[stop - 1] == QUOTE:
            start += 1
            stop -= 1
    if start == stop:
        return np.nan, NO_TEXT
    negative = text[start] == 45
    if negative or text[start] == 43:
        start += 1
    mantissa = 0
    digits = 0  # significant ones
    decimals = 0
    seen = False
    point = False
    for i in range(start, stop):
        byte = text[i]
        if byte == 46 and not point:
            point = True
            continue
        if byte < 48 or byte > 57:
            return np.nan, UNSURE
        seen = True
        if mantissa > 0 or byte != 48:
            digits += 1
        if point:
            decimals += 1
        if digits > 18 or decimals > 22:  # before the mantissa overflows
            return np.nan, UNSURE
        mantissa = mantissa * 10 + (byte - 48)
    if not seen:
        return np.nan, UNSURE
    scale = 1.0
    for _ in range(decimals):
        scale *= 10.0  # exact up to 1e22
    high = float(mantissa)
    value = high / scale  # correctly rounded if the mantissa fits a double
    if mantissa > 9007199254740992:
        low = float(mantissa - int(high))
        split = 134217729.0 * value
        value_high = split - (split - value)
        value_low = value - value_high
        split = 134217729.0 * scale
        scale_high = split - (split - scale)
        scale_low = scale - scale_high
        product = value * scale
        tail = value_low * scale_low - (
            ((product - value_high * scale_high) - value_low * scale_high) - value_high * scale_low
        )
        rest = (((high - product) - tail) + low) / scale
        first = value + rest * (1.0 + 2.0**-45)
        if first != value + rest * (1.0 - 2.0**-45):
            return np.nan, UNSURE  # too close to the middle of two doubles
        value = first
    return -value if negative else value, PARSED


@compiled
def parse_column(text: Bytes, fields: Longs, column: int, values: Floats, status: Bytes) -> None:
    for i in range(values.size):
        values[i], status[i] = parse_number(text, fields[i, column, 0], fields[i, column, 1])


@compiled
def put(out: Bytes, at: int, text: Bytes, start: int, stop: int) -> int:
    for i in range(start, stop):
        out[at] = text[i]
        at += 1
    return at


@compiled
def put_distance(out: Bytes, at: int, metres: float) -> int:
    """Metres with two decimals."""
    rest = int(metres * 100.0 + 0.5)
    size = 4
    bound = 1000
    while rest >= bound:
        bound *= 10
        size += 1
    for i in range(size):
        k = at + size - 1 - i
        if i == 2:
            out[k] = 46
        else:
            out[k] = 48 + rest % 10
            rest //= 10
    return at + size


@compiled
def compose(
    text: Bytes, rows: Longs, columns: int, delimiter: int, separator: int, quote_codes: bool, line_end: Bytes,
    match: Bytes, reason: Bytes, grid: Ints, distance: Floats, starts: Longs, candidate: Ints,
    words: Bytes, match_at: Longs, reason_at: Longs, grid_at: Longs, code_at: Longs,
) -> NDArray[np.uint8]:  # fmt: skip
    """The records with the answers behind them. `words` holds all texts, `*_at` where the k-th begins and ends."""
    longest = 0
    for g in range(code_at.size - 1):
        longest = max(longest, code_at[g + 1] - code_at[g] + 1, grid_at[g + 1] - grid_at[g])
    room = 0
    for i in range(match.size):
        surplus = 2 + rows[i, 1] - rows[i, 3] if rows[i, 2] > columns else max(columns - rows[i, 2], 0)
        room += (
            rows[i, 1]
            - rows[i, 0]
            + surplus
            + (starts[i + 1] - starts[i] + 1) * longest
            + 100
            + line_end.size
        )
    out = np.empty(room, np.uint8)
    at = 0
    for i in range(match.size):
        if rows[i, 2] > columns:  # fold the surplus into the last column
            at = put(out, at, text, rows[i, 0], rows[i, 3])
            out[at] = QUOTE
            at += 1
            for j in range(rows[i, 3], rows[i, 1]):
                out[at] = text[j]
                at += 1
                if text[j] == QUOTE:
                    out[at] = QUOTE
                    at += 1
            out[at] = QUOTE
            at += 1
        else:
            at = put(out, at, text, rows[i, 0], rows[i, 1])
            for _ in range(columns - rows[i, 2]):
                out[at] = delimiter
                at += 1
        out[at] = delimiter
        at = put(out, at + 1, words, match_at[match[i]], match_at[match[i] + 1])
        out[at] = delimiter
        at += 1
        g = grid[i]
        if g >= 0:
            at = put(out, at, words, grid_at[g], grid_at[g + 1])
        else:
            out[at] = delimiter
            out[at + 1] = delimiter
            at += 2
        out[at] = delimiter
        at += 1
        if g >= 0:
            at = put_distance(out, at, distance[i])
        out[at] = delimiter
        at += 1
        if starts[i + 1] > starts[i]:
            if quote_codes:
                out[at] = QUOTE
                at += 1
            for j in range(starts[i], starts[i + 1]):
                if j > starts[i]:
                    out[at] = separator
                    at += 1
                at = put(out, at, words, code_at[candidate[j]], code_at[candidate[j] + 1])
            if quote_codes:
                out[at] = QUOTE
                at += 1
        out[at] = delimiter
        at = put(out, at + 1, words, reason_at[reason[i]], reason_at[reason[i] + 1])
        at = put(out, at, line_end, 0, line_end.size)
    return out[:at]
