"""CRC-32C (Castagnoli), masked as TensorBoard's records have it."""

_MASK_DELTA = 0xA282EAD8


def crc(data: bytes) -> int:
    """Give the CRC-32C of some bytes."""
    found = 0xFFFFFFFF
    for byte in data:
        found = _TABLE[(found ^ byte) & 0xFF] ^ (found >> 8)
    return found ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    """Give the CRC-32C turned by 15 bits and shifted, as it stands in records."""
    found = crc(data)
    return (((found >> 15) | (found << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        each = byte
        for _ in range(8):
            each = (each >> 1) ^ (0x82F63B78 if each & 1 else 0)
        found.append(each)
    return tuple(found)


_TABLE = _table()
