"""Protocol-buffer messages, field by field: as much as log files need."""

import struct
from collections.abc import Iterator

import numpy as np


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


def written(number: int, value: int | float | bytes | np.float32) -> bytes:
    """Write a field: a whole number (not negative) as a varint, a float in its size."""
    if isinstance(value, np.float32):
        return _number(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, float):
        return _number(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return _number(number << 3) + _number(value)
    return _number(number << 3 | 2) + _number(len(value)) + value


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


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
