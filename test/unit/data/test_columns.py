"""Fields read out of serialized bytes are those rosbags decodes, or the bytes are refused."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ilw_core.contract.field_path import follow, steps_of
from ilw_data.bag.columns import Columns, DamagedError, UnusualError
from ilw_data.bag.reader import Decoded

STORE = get_typestore(Stores.ROS2_JAZZY)
MIXED = 'test_msgs/msg/Mixed'
PART = 'test_msgs/msg/Part'
STORE.register(get_types_from_msg(
    'uint8 small\nstring label\nstring[] tags\nfloat64 large\nint16[] deep\n'
    'builtin_interfaces/Time[] stamps', PART))
STORE.register(get_types_from_msg('\n'.join((
    'bool flag', 'string name', 'float64 x', 'uint8[] raw', 'int16[3] trio', 'float64[] wide',
    'string[] labels', 'test_msgs/Part[] parts', 'test_msgs/Part[2] pair',
    'builtin_interfaces/Time stamp', 'uint64[] longs', 'int8 last')), MIXED))
T = STORE.types
INNER = tuple(f'{element}.{name}' for element in ('parts[0]', 'parts[2]', 'pair[1]')
              for name in ('label', 'large', 'tags', 'tags[1]', 'deep', 'deep[2]',
                           'stamps[1].nanosec'))
PATHS = ('labels', 'labels[1]', 'trio[2]', 'raw[4]', 'wide[0]', 'flag',
         'name', 'x', 'raw', 'trio', 'wide', 'stamp.sec', 'stamp.nanosec', 'longs', 'last')

text = st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=9)
number = st.floats(width=64)


def numbers(dtype, elements, **size):
    return st.lists(elements, **size).map(lambda values: np.array(values, dtype=dtype))


time = st.builds(T['builtin_interfaces/msg/Time'], sec=st.integers(-9, 9),
                 nanosec=st.integers(0, 9))
part = st.builds(T[PART], small=st.integers(0, 255), label=text, large=number,
                 tags=st.lists(text, max_size=3),
                 deep=numbers(np.int16, st.integers(-9, 9), max_size=4),
                 stamps=st.lists(time, max_size=3))
mixed = st.builds(
    T[MIXED], flag=st.booleans(), name=text, x=number,
    raw=numbers(np.uint8, st.integers(0, 255), max_size=5),
    trio=numbers(np.int16, st.integers(-9, 9), min_size=3, max_size=3),
    wide=numbers(np.float64, number, max_size=3), labels=st.lists(text, max_size=3),
    parts=st.lists(part, max_size=3), pair=st.lists(part, min_size=2, max_size=2),
    stamp=time, longs=numbers(np.uint64, st.integers(0, 2**64 - 1), max_size=3),
    last=st.integers(-128, 127))


def columns(messages, kind=MIXED, gap=b''):
    """Return the columns of serialized messages that lie one after the other."""
    ends = np.cumsum([len(gap) + len(m) for m in messages])
    data = np.frombuffer(b''.join(gap + bytes(m) for m in messages), dtype=np.uint8)
    return Columns(data, ends - [len(m) for m in messages], ends, kind, STORE.fielddefs)


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(st.lists(mixed, min_size=1, max_size=4), st.booleans(), st.binary(max_size=7))
def test_every_field_is_what_rosbags_decodes(messages, little_endian, gap):
    raw = [bytes(STORE.serialize_cdr(m, MIXED, little_endian=little_endian)) for m in messages]
    decoded = [STORE.deserialize_cdr(r, MIXED) for r in raw]
    seen = columns(raw, gap=gap)
    assert {path for path in PATHS if '[' not in path} == set(seen.paths)
    for columns_of in (seen, Decoded(decoded)):
        for path in PATHS + INNER:
            for row, message in enumerate(decoded):
                expect(columns_of, path, row, message)


def expect(seen, path, row, message):
    """One message's field is what rosbags decodes, or NaN where a sequence is too short."""
    assert path in seen
    value, lengths = seen.column(path, np.array([row]))[0], seen.lengths(path)
    try:
        expected = follow(message, steps_of(path))
    except IndexError:
        assert np.isnan(value), path
        assert lengths is None or lengths[row] == -1, path
        return
    assert lengths is None or lengths[row] == len(expected), path
    if isinstance(expected, str) or (isinstance(expected, list) and path.endswith('s')):
        assert expected == (value if isinstance(value, str) else list(value)), path
        return
    expected = np.asarray(expected)
    assert value.shape == expected.shape, path
    assert value.tobytes() == expected.astype(value.dtype).tobytes(), path


@given(st.lists(mixed, min_size=1, max_size=5))
def test_a_number_inside_a_sequence_is_missing_where_the_sequence_is_too_short(messages):
    seen = columns([bytes(STORE.serialize_cdr(m, MIXED)) for m in messages])
    for path, get in (('parts[1].large', lambda m: m.parts[1].large), ('longs[1]', lambda m: (
            m.longs[1])), ('parts[0].deep[2]', lambda m: m.parts[0].deep[2])):
        values = []
        for message in messages:
            try:
                values.append(float(get(message)))
            except IndexError:
                values.append(np.nan)
        found = seen.column(path)
        assert found.astype(np.float64).tobytes() == np.array(values).tobytes()
        assert np.array_equal(found, Decoded(messages).column(path), equal_nan=True)


@pytest.mark.parametrize('path', [
    'nobody', 'flag[0]', 'name[0]', 'stamp[0]', 'parts', 'parts[0]', 'parts[0].nobody', 'x.y',
    'parts.small', 'parts[0].small[1]', 'labels[0].x', 'raw[1].x', 'raw[1][2]', 'raw[-1]', '',
    '[0]', 'parts[9].nobody', 'parts[0].stamps[7].nobody', 'parts[0]small', 'parts[99999].small'])
def test_a_field_that_the_type_has_not_is_none_even_where_sequences_are_empty(path):
    empty = T[MIXED](
        flag=True, name='', x=1.0, raw=np.zeros(0, np.uint8), trio=np.zeros(3, np.int16),
        wide=np.zeros(0), labels=[], parts=[], last=1,
        pair=[T[PART](0, '', [], 0.0, np.zeros(0, np.int16), [])] * 2,
        stamp=T['builtin_interfaces/msg/Time'](0, 0), longs=np.zeros(0, np.uint64))
    seen = columns([bytes(STORE.serialize_cdr(empty, MIXED))] * 2)
    assert path not in seen
    with pytest.raises(KeyError):
        seen.column(path)
    assert np.isnan(seen.column('parts[9].small')).all()
    assert np.isnan(seen.column('parts[0].stamps[7].sec')).all()
    assert seen.lengths('parts[0].deep').tolist() == [-1, -1]


def test_sequences_of_one_length_are_one_array_and_others_are_refused():
    scan = T['std_msgs/msg/Float32MultiArray'], T['std_msgs/msg/MultiArrayLayout']
    raw = [STORE.serialize_cdr(scan[0](layout=scan[1](dim=[], data_offset=0),
                                       data=np.arange(n, dtype=np.float32)),
                               'std_msgs/msg/Float32MultiArray') for n in (2, 3, 2)]
    seen = columns(raw, 'std_msgs/msg/Float32MultiArray')
    assert seen.lengths('data').tolist() == [2, 3, 2]
    assert seen.column('data', np.array([0, 2])).tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ValueError, match='2 to 3 elements'):
        seen.column('data')


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(mixed)
def test_a_message_cut_anywhere_is_refused(message):
    raw = bytes(STORE.serialize_cdr(message, MIXED))
    for length in range(len(raw)):
        with pytest.raises((DamagedError, UnusualError)):
            columns([raw, raw[:length]])
    with pytest.raises(DamagedError):
        columns([raw, raw + bytes(4)])


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(mixed, st.data())
def test_damaged_bytes_are_read_inside_the_message_or_refused(message, data):
    raw = bytearray(STORE.serialize_cdr(message, MIXED))
    for _ in range(3):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        seen = columns([bytes(raw)])
    except (DamagedError, UnusualError):
        return
    for path in PATHS + INNER:
        seen.column(path)
        seen.lengths(path)


def test_an_encoding_nobody_here_reads_is_named_unusual():
    raw = bytearray(STORE.serialize_cdr(T['std_msgs/msg/Bool'](data=True), 'std_msgs/msg/Bool'))
    raw[1] = 7
    with pytest.raises(UnusualError, match='7'):
        columns([bytes(raw)], 'std_msgs/msg/Bool')


@pytest.mark.parametrize('definition', [
    'B[] again\n',                                        # contains itself
    'Nobody n\n',
    'float64[4000000000] x\n', 'string[4000000000] x\n',
    'T0 t\n' + ''.join(f'{"=" * 80}\nMSG: a/T{i}\nT{i + 1} x\nT{i + 1} y\n' for i in range(40))
    + f'{"=" * 80}\nMSG: a/T40\nuint8 x\n',               # 2 ** 40 fields
])
def test_a_type_without_end_is_refused_before_it_is_read(definition):
    types = get_types_from_msg(definition, 'a/msg/B')
    message = np.zeros(64, dtype=np.uint8)
    with pytest.raises((UnusualError, DamagedError)):
        Columns(message, np.array([0]), np.array([64]), 'a/msg/B', types)
