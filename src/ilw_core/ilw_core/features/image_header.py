"""
How large an encoded image says to be, read before anything decodes it. No OpenCV.

A few bytes can say 60000 x 60000 pixels, and a decoder would make room for them.
"""

from typing import NamedTuple

_PNG, _JPEG = b'\x89PNG\r\n\x1a\n', b'\xff\xd8'
_END_OF_JPEG, _END_OF_PNG = b'\xff\xd9', b'IEND\xaeB`\x82'
_SCAN = 0xda
_FRAMES = frozenset(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
"""Markers of a JPEG that say its size; those left out are tables"""
_BARE = frozenset((0x01, *range(0xd0, 0xd9)))
"""Markers without a length after them"""


class ImageHeader(NamedTuple):
    """What an encoded image says of itself."""

    width: int
    height: int
    bits: int
    """Per channel"""
    gray: bool


def read_header(data: bytes) -> ImageHeader | str:
    """Return what a JPEG or PNG says of itself; a text of what is wrong where it is neither."""
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    return 'it must be a JPEG or a PNG. Got other bytes' if data else 'it is empty'


def _png(data: bytes) -> ImageHeader | str:
    if len(data) < 33 or data[12:16] != b'IHDR':
        return 'its PNG has no header'
    if _END_OF_PNG not in data[-64:]:
        return 'its PNG is cut short'
    width, height = (int.from_bytes(data[i:i + 4], 'big') for i in (16, 20))
    return ImageHeader(width, height, data[24], data[25] in (0, 4))


def _jpeg(data: bytes) -> ImageHeader | str:
    at, found = 2, None
    while (at := data.find(b'\xff', at)) >= 0:
        while at < len(data) and data[at] == 0xff:  # any number of them may fill
            at += 1
        if at + 8 > len(data):
            break
        marker, at = data[at], at + 1
        if marker in _BARE or marker == 0:
            continue
        length = int.from_bytes(data[at:at + 2], 'big')
        if marker in _FRAMES and found is None:
            height, width = (int.from_bytes(data[at + i:at + i + 2], 'big') for i in (3, 5))
            found = ImageHeader(width, height, data[at + 2], data[at + 7] == 1)
        at += max(2, length)
        if marker == _SCAN:
            if found is None:
                return 'its JPEG says no size'
            return found if data.find(_END_OF_JPEG, at) >= 0 else 'its JPEG is cut short'
    return 'its JPEG is cut short'
