"""What a camera sees: colour, gray or depth, cut out and resized."""

import re

from ilw_core.contract.schema import Section
from ilw_core.features.image_decode import ImageForm
from ilw_core.features.spec import FeatureSpec, paths

_COMPRESSED, _RAW = 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image'
_LARGEST_PX, _WIDEST_PX = 2048, 65_535
_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]{0,63}')
_TAKEN = ('observation', 'action')
"""Inputs and outputs of a policy that have these names already"""


def image(name: str, options: Section) -> FeatureSpec:
    kind = options.of_type
    if kind not in (_COMPRESSED, _RAW):
        raise options.error('type', f'{_COMPRESSED} or {_RAW}', kind)
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise options.error('feature', 'in an entry named by letters, digits and _, other than '
                            f'{" and ".join(_TAKEN)}: it names an input of the policy', name)
    size = _pixels(options, 'size', 2, _LARGEST_PX, 1)
    channels = options.integer('channels', 3, low=1, high=3)
    if channels == 2:
        raise options.error('channels', '3 (colour) or 1 (gray, depth)', channels)
    crop = _pixels(options, 'crop', 4, _WIDEST_PX, 0) if options.has('crop') else None
    options.take('crop')
    if crop is not None and 0 in crop[2:]:
        raise options.error('crop', 'x, y, width and height, the last two at least 1', list(crop))
    form = ImageForm((size[0], size[1]), channels, crop and (crop[0], crop[1], crop[2], crop[3]),
                     _depth(options, channels))
    fields = ('format', 'data') if kind == _COMPRESSED else (
        'height', 'width', 'encoding', 'is_bigendian', 'step', 'data')
    return FeatureSpec(name, 'image', (), (), (), paths(name, *fields),
                       form.compressed if kind == _COMPRESSED else form.raw,
                       shape=form.shape, dtype='uint8')


def _pixels(options: Section, key: str, count: int, most: int, least: int) -> tuple[int, ...]:
    values = options.numbers(key, count)
    if any(value != int(value) or not least <= value <= most for value in values):
        raise options.error(key, f'{count} whole numbers from {least} to {most}', list(values))
    return tuple(int(value) for value in values)


def _depth(options: Section, channels: int) -> tuple[float, float] | None:
    if not options.has('near_m') and not options.has('far_m'):
        options.take('near_m'), options.take('far_m')
        return None
    near = options.number('near_m', low=0.0, high=65.0)
    far = options.number('far_m', low=0.001, high=65.535)
    if near >= far:
        raise options.error('far_m', f'greater than near_m ({near:g})', far)
    if channels != 1:
        raise options.error('channels', '1 where near_m and far_m are given: depth', channels)
    return near, far
