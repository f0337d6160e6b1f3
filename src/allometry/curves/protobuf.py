"""Protocol-buffer messages, walked field by field: as much as log files need."""

from collections.abc import Iterator


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give a message's field numbers with their integers or bytes.

    Raises ValueError or IndexError for bytes that are no message.
    """
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield field, value
            continue
        if kind == 2:
            length, place = _varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if place + length > len(data):
            raise ValueError("a field longer than its message")
        yield field, data[place : place + length]
        place += length


def parts(data: bytes, number: int) -> Iterator[bytes]:
    """Give the messages or texts of one field."""
    for field, value in fields(data):
        if field == number and isinstance(value, bytes):
            yield value


def text(data: bytes, number: int) -> str:
    """Give the text of a field; empty where there is none."""
    return next(parts(data, number), b"").decode("utf-8")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if not byte & 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("a number longer than 64 bits")
