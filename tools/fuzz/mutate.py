"""Turn valid inputs into broken ones: the same seed number, the same input."""

from collections.abc import Sequence
import random

MAX_BYTES = 1_000_000
_EDGES = (0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
          0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff)
_SYMBOLS = (b'[', b']', b'{', b'}', b':', b'- ', b'\n', b' ', b'"', b"'", b'&a ', b'*a', b'<<: *a',
            b'!!python/object/apply:os.system ', b'\0', b'\xff', b'~', b'.nan', b'.inf', b'-1',
            b'1e999', b'9' * 5000, b'0x' + b'f' * 5000, b'1:2:3', b'../../', b'/etc/passwd', b'%',
            b'2001-01-01', b'1' + b':59' * 3000)


def mutate(seeds: Sequence[bytes], number: int, words: Sequence[bytes] = ()) -> bytes:
    """
    Return one broken input.

    :param number: which one; the same gives the same.
    """
    rng = random.Random(number)
    if not seeds or rng.random() < 0.02:
        return rng.randbytes(rng.randrange(300))
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(_WAYS)(data, rng, seeds, words)[:MAX_BYTES]
    return data


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    at = rng.randrange(len(data) + 1)
    size = rng.choice((1, 2, 4, 8, 30, 200, len(data)))
    return at, min(len(data), at + rng.randrange(size + 1))


def _flip(data: bytes, rng: random.Random, seeds: Sequence[bytes],
          words: Sequence[bytes]) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if broken else 0):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _cut(data: bytes, rng: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at, end = _span(data, rng)
    return data[:at] if rng.random() < 0.3 else data[:at] + data[end:]


def _splice(data: bytes, rng: random.Random, seeds: Sequence[bytes],
            words: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    (at, end), (begin, stop) = _span(data, rng), _span(other, rng)
    return data[:at] + other[begin:stop] + data[rng.choice((at, end)):]


def _repeat(data: bytes, rng: random.Random, seeds: Sequence[bytes],
            words: Sequence[bytes]) -> bytes:
    at, end = _span(data, rng)
    piece = data[at:min(end, at + 200)]
    return data[:at] + piece * rng.choice((2, 3, 20, 300)) + data[end:]


def _length(data: bytes, rng: random.Random, seeds: Sequence[bytes],
            words: Sequence[bytes]) -> bytes:
    """Overwrite what may be a length, an index or a stamp."""
    size = rng.choice((1, 2, 4, 8))
    if len(data) < size:
        return data
    at = rng.randrange(len(data) - size + 1)
    value = rng.choice(_EDGES)
    if rng.random() < 0.5:
        value = int.from_bytes(data[at:at + size], 'little') + rng.choice((-8, -1, 1, 8, 1 << 20))
    value &= (1 << 8 * size) - 1
    return data[:at] + value.to_bytes(size, 'little') + data[at + size:]


def _word(data: bytes, rng: random.Random, seeds: Sequence[bytes],
          words: Sequence[bytes]) -> bytes:
    at, end = _span(data, rng)
    word = rng.choice(words or _SYMBOLS) if rng.random() < 0.5 else rng.choice(_SYMBOLS)
    return data[:at] + word * rng.choice((1, 1, 1, 2, 500)) + data[rng.choice((at, end)):]


def _lines(data: bytes, rng: random.Random, seeds: Sequence[bytes],
           words: Sequence[bytes]) -> bytes:
    """Swap, drop or double lines: text that still looks like its kind."""
    lines = data.split(b'\n')
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(3)
    if how == 0:
        lines[one], lines[two] = lines[two], lines[one]
    elif how == 1:
        del lines[one]
    else:
        lines.insert(two, lines[one])
    return b'\n'.join(lines)


_WAYS = (_flip, _flip, _cut, _splice, _repeat, _length, _length, _word, _word, _lines)
