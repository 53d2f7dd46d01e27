"""An image read from a bag is the one that the live resampler gives, to the bit."""

from array import array
from types import SimpleNamespace

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.align import Resampler
from ilw_core.errors import ContractError, EpisodeError
from ilw_core.features.image_decode import MAX_PIXELS, ImageForm, ImageUnreadError
from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.reader import Bag, read_messages
from ilw_data.doctor.check import check_episodes
from ilw_data.episode import images as images_module
from ilw_data.episode.copy import cut
from ilw_data.episode.dataset import build_dataset, load_episode
from ilw_data.episode.readings import why_unsound

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
GRAY = COLOUR[..., 0]
DEPTH = RNG.integers(0, 6000, (40, 60), dtype=np.uint16)


def live_message(message):
    """Return what rclpy makes of a message: bytes are in an array of its own kind."""
    fields = {name: getattr(message, name) for name in vars(message)}
    return SimpleNamespace(**fields | {'data': array('B', message.data.tobytes())})


def as_live(folder, contract, ticks):
    resampler = Resampler(contract)
    waiting, seen = list(read_messages(folder)), []
    for tick in ticks.tolist():
        while waiting and waiting[0].stamp_ns <= tick:
            item = waiting.pop(0)
            for source in contract.sources:
                if source.topic == item.topic:
                    message = item.message
                    resampler.push(source.name, item.stamp_ns, live_message(message)
                                   if item.topic == 'image' else message)
        seen.append(resampler.observe(tick))
    return seen


def message(cameras, how, at, colour, gray, depth):
    made, raw = cameras.compressed, cameras.raw
    return {
        'jpeg': lambda: made(at, colour, '.jpg', 'rgb8; jpeg compressed bgr8'),
        'png': lambda: made(at, colour),
        'gray png': lambda: made(at, gray),
        'rgb8': lambda: raw(at, colour, 'rgb8', padding=5),
        'bgr8': lambda: raw(at, colour, 'bgr8'),
        'rgba8': lambda: raw(at, np.dstack([colour, gray]), 'rgba8', padding=1),
        'mono8': lambda: raw(at, gray, 'mono8', padding=3),
        'depth': lambda: raw(at, depth, '16UC1', padding=4),
        'big depth': lambda: raw(at, depth, '16UC1', big=True),
        'depth png': lambda: made(at, depth, kind='16UC1; png compressed'),
    }[how]()


def messages(cameras, how, count=6):
    return [message(cameras, how, cameras.BEGIN_NS + i * cameras.PERIOD_NS, *(
        np.roll(each, 7 * i, axis=1) for each in (COLOUR, GRAY, DEPTH))) for i in range(count)]


HOWS = ['jpeg', 'png', 'gray png', 'rgb8', 'bgr8', 'rgba8', 'mono8', 'depth', 'big depth',
        'depth png']


@pytest.mark.parametrize('options', ['size: [24, 16]', 'size: [60, 40]', 'size: [100, 70]',
                                     'size: [12, 12], crop: [8, 4, 31, 30], channels: 1'])
@pytest.mark.parametrize('how', HOWS)
def test_an_image_of_a_bag_is_the_live_one_to_the_bit(cameras, tmp_path, how, options):
    if 'depth' in how:
        options = options.replace(', channels: 1', '') + ', channels: 1, near_m: 0.5, far_m: 4.0'
    sent = messages(cameras, how)
    contract = cameras.camera_contract(options, sent[0].__msgtype__)
    folder = cameras.write_bag(tmp_path / 'one', sent, contract)
    episode = load_episode(folder, contract)
    seen = as_live(folder, contract, episode.stamps_ns)
    assert len(seen) == 6 and episode.whole.all() and episode.obs_valid.size
    for i, each in enumerate(seen):
        assert each.whole and each.images['camera'].dtype == np.uint8
        assert each.images['camera'].tobytes() == episode.images['camera'][i].tobytes()
    assert len(np.unique([each.tobytes() for each in episode.images['camera']])) == 6


def test_colour_is_red_first_whatever_the_message_has_first(cameras):
    form = ImageForm((60, 40), 3)
    red_first = COLOUR[..., ::-1]
    assert np.array_equal(form.raw(40, 60, 'rgb8', 0, 180, red_first.tobytes()), red_first)
    assert np.array_equal(form.raw(40, 60, 'bgr8', 0, 180, COLOUR.tobytes()), red_first)
    png = cv2.imencode('.png', COLOUR)[1].tobytes()
    assert np.array_equal(form.compressed('png', png), red_first)


def test_the_crop_is_cut_out_before_it_is_resized():
    form = ImageForm((10, 8), 1, crop=(20, 10, 10, 8))
    assert np.array_equal(form.raw(40, 60, 'mono8', 0, 60, GRAY.tobytes())[..., 0],
                          GRAY[10:18, 20:30])


def test_depth_is_one_at_near_255_at_far_and_0_where_nothing_was_measured():
    depth = np.array([[0, 100, 500, 2250, 4000, 65535]], dtype=np.uint16)
    form = ImageForm((6, 1), 1, depth_m=(0.5, 4.0))
    got = form.raw(1, 6, '16UC1', 0, 12, depth.tobytes())[0, :, 0]
    assert got.tolist() == [0, 1, 1, 128, 255, 255]
    packed = b'\0' * 12 + cv2.imencode('.png', depth)[1].tobytes()
    again = form.compressed('16UC1; compressedDepth png', packed)[0, :, 0]
    assert again.tolist() == got.tolist()


def test_an_enlarged_depth_holds_no_distance_that_was_not_measured():
    form = ImageForm((33, 17), 1, depth_m=(0.0, 6.0))
    small = form.raw(40, 60, '16UC1', 0, 120, DEPTH.tobytes())
    whole = ImageForm((60, 40), 1, depth_m=(0.0, 6.0)).raw(40, 60, '16UC1', 0, 120,
                                                           DEPTH.tobytes())
    assert set(np.unique(small)) <= set(np.unique(whole))


@pytest.mark.parametrize(('values', 'said'), [
    ((40, 60, 'yuv422', 0, 120, bytes(4800)), 'encoding must be one of'),
    ((40, 60, 'rgb8', 0, 180, bytes(100)), 'step x height bytes'),
    ((40, 60, 'rgb8', 0, 100, bytes(4000)), 'step at least 180'),
    ((0, 60, 'rgb8', 0, 180, b''), '1 to'),
    ((60_000, 60_000, 'mono8', 0, 60_000, b''), 'Got 60000 x 60000'),
    ((4_294_967_295, 4_294_967_295, 'mono8', 0, 1, b''), 'smaller image'),
    ((40, 60, '16UC1', 0, 120, DEPTH.tobytes()), 'near_m and far_m'),
])
def test_a_raw_image_that_cannot_be_read_is_refused_with_a_remedy(values, said):
    with pytest.raises(ImageUnreadError, match=said):
        ImageForm((24, 16), 3).raw(*values)


def png_saying(width, height):
    made = bytearray(cv2.imencode('.png', GRAY)[1].tobytes())
    made[16:24] = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    return bytes(made)


def jpeg_saying(width, height):
    made = bytearray(cv2.imencode('.jpg', COLOUR)[1].tobytes())
    at = made.index(b'\xff\xc0') + 5
    made[at:at + 4] = height.to_bytes(2, 'big') + width.to_bytes(2, 'big')
    return bytes(made)


@pytest.mark.parametrize(('data', 'said'), [
    (b'', 'it is empty'), (b'GIF89a' * 20, 'JPEG or a PNG'), (b'\xff\xd8', 'cut short'),
    (cv2.imencode('.jpg', COLOUR)[1].tobytes()[:-2], 'cut short'),
    (cv2.imencode('.png', COLOUR)[1].tobytes()[:-4], 'cut short'),
    (png_saying(60_000, 60_000), 'Got 60000 x 60000'),
    (jpeg_saying(60_000, 60_000), 'Got 60000 x 60000'),
    (png_saying(MAX_PIXELS + 1, 1), 'pixels'),
    (cv2.imencode('.png', DEPTH)[1].tobytes(), 'it is depth'),
])
def test_a_compressed_image_that_cannot_be_read_is_refused_before_it_is_decoded(
        monkeypatch, data, said):
    monkeypatch.setattr(cv2, 'imdecode', None)
    with pytest.raises(ImageUnreadError, match=said):
        ImageForm((24, 16), 3).compressed('jpeg', data)


def test_a_damaged_image_a_crop_beyond_it_and_colour_for_depth_are_refused():
    png = bytearray(cv2.imencode('.png', COLOUR)[1].tobytes())
    png[200] ^= 255
    with pytest.raises(ImageUnreadError, match='damaged'):
        ImageForm((24, 16), 3).compressed('png', bytes(png))
    with pytest.raises(ImageUnreadError, match='crop'):
        ImageForm((4, 4), 1, crop=(57, 0, 4, 4)).raw(40, 60, 'mono8', 0, 60, GRAY.tobytes())
    with pytest.raises(ImageUnreadError, match='must be depth'):
        ImageForm((4, 4), 1, depth_m=(0.0, 1.0)).raw(40, 60, 'mono8', 0, 60, GRAY.tobytes())


@settings(max_examples=150, deadline=None)
@given(base=st.sampled_from(['.jpg', '.png']), cut=st.integers(0, 4000),
       flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=6))
def test_hostile_bytes_give_an_image_of_the_contracts_shape_or_a_reason(base, cut, flips):
    data = bytearray(cv2.imencode(base, COLOUR[:16, :16])[1].tobytes())
    for at, change in flips:
        data[at % len(data)] ^= change
    data = bytes(data[:len(data) - cut] if cut < len(data) and cut % 2 else data)
    try:
        assert ImageForm((24, 16), 3).compressed('jpeg', data).shape == (16, 24, 3)
    except ImageUnreadError as error:
        assert len(str(error)) < 400


@settings(max_examples=100, deadline=None)
@given(height=st.integers(0, 9), width=st.integers(0, 9), step=st.integers(0, 40),
       size=st.integers(0, 300), encoding=st.sampled_from(['rgb8', 'mono8', '16UC1', 'x' * 99]),
       big=st.integers(0, 255))
def test_hostile_fields_give_an_image_of_the_contracts_shape_or_a_reason(
        height, width, step, size, encoding, big):
    for form in (ImageForm((5, 4), 3), ImageForm((5, 4), 1, depth_m=(0.0, 2.0))):
        try:
            got = form.raw(height, width, encoding, big, step, bytes(size))
            assert got.shape == form.shape and got.dtype == np.uint8
        except ImageUnreadError as error:
            assert len(str(error)) < 400


def test_an_image_that_is_missing_or_unread_masks_its_tick_and_no_other(cameras, tmp_path):
    contract = cameras.camera_contract('size: [24, 16], align: {how: asof, tolerance_ms: 50}')
    sent = messages(cameras, 'jpeg', 12)
    sent[4] = None
    sent[7].data = sent[7].data[:200]
    folder = cameras.write_bag(tmp_path / 'one', sent, contract)
    episode = load_episode(folder, contract)
    assert np.flatnonzero(~episode.whole).tolist() == [4, 7]
    assert episode.obs_valid.all() and not episode.images['camera'][[4, 7]].any()
    seen = as_live(folder, contract, episode.stamps_ns)
    assert [i for i, each in enumerate(seen) if not each.whole] == [4, 7]
    assert seen[4].unseen == {'camera': ''} and 'cut short' in seen[7].unseen['camera']
    data = build_dataset([episode], contract, history=2)
    ticks = data.frames[:, -1].tolist()
    assert ticks == [1, 2, 3, 6, 9, 10] and data.images['camera'].shape == (12, 16, 24, 3)
    assert np.array_equal(data.frames[:, 0], data.frames[:, 1] - 1)


def test_the_cache_gives_back_the_same_images(cameras, tmp_path):
    contract = cameras.camera_contract()
    folder = cameras.write_bag(tmp_path / 'one', messages(cameras, 'jpeg'), contract,
                               meta={'outcome': 'success'})
    first, second = (load_episode(folder, contract, cache=tmp_path / 'cache') for _ in range(2))
    assert {each.suffix for each in (tmp_path / 'cache').iterdir()} == {'.npz', '.npy'}
    assert isinstance(second.images['camera'], np.memmap)
    assert first.images['camera'].tobytes() == second.images['camera'].tobytes()
    assert np.array_equal(first.images_valid['camera'], second.images_valid['camera'])


def test_a_contract_of_images_alone_is_read_too(cameras, tmp_path):
    contract = cameras.camera_contract(odometry=False)
    assert contract.obs_dim == 0 and contract.obs_names == ()
    folder = cameras.write_bag(tmp_path / 'one', messages(cameras, 'jpeg', 12), contract,
                               odometry_too=False)
    episode = load_episode(folder, contract)
    assert episode.obs.shape == (12, 0) and episode.whole.all()
    data = build_dataset([episode], contract, history=3, horizon=2)
    assert data.obs.shape == (8, 3, 0) and data.frames[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize('odometry', [True, False])
def test_the_doctor_says_which_topic_has_which_encoding_and_what_to_do(cameras, tmp_path,
                                                                        odometry):
    contract = cameras.camera_contract(kind=cameras.RAW, odometry=odometry)
    sent = [cameras.raw(cameras.BEGIN_NS + i * cameras.PERIOD_NS, GRAY, 'yuv422_yuy2')
            for i in range(20)]
    folder = cameras.write_bag(tmp_path / 'one', sent, contract, odometry_too=odometry,
                               meta={'outcome': 'success'})
    report = check_episodes(tmp_path, contract)
    assert report.verdict == 'bad' and report.usable == 0
    text = next(each.text for each in report.findings if each.kind == 'reading')
    assert text.startswith('image: no image for camera: encoding must be one of')
    assert "Got 'yuv422_yuy2'" in text and '20 of 20' in text and '\n' not in text
    assert any(each.kind == 'missing' and 'most often camera' in each.text
               for each in report.findings)
    assert why_unsound(Bag(folder), contract)


def test_the_doctor_finds_nothing_wrong_with_a_sound_camera(cameras, tmp_path):
    contract = cameras.camera_contract()
    for i in range(3):
        cameras.steering_bag(tmp_path / f'{i}', contract, np.random.default_rng(i))
    report = check_episodes(tmp_path, contract)
    assert report.verdicts == dict.fromkeys('012', 'good') and report.usable == 3
    assert not [each for each in report.findings if each.level == 'bad']


@pytest.mark.parametrize(('options', 'said'), [
    ('size: [0, 16]', 'size'), ('size: [24.5, 16]', 'size'), ('crop: [0, 0, 4, 4]', 'size'),
    ('size: [24, 16], channels: 2', 'channels'), ('size: [24, 16], crop: [0, 0, 0, 4]', 'crop'),
    ('size: [24, 16], near_m: 0.5', 'far_m'), ('size: [9999, 16]', 'size'),
    ('size: [24, 16], channels: 1, near_m: 2.0, far_m: 1.0', 'far_m'),
    ('size: [24, 16], channels: 3, near_m: 0.0, far_m: 1.0', 'channels'),
    ('size: [24, 16], sise: 3', 'sise'),
])
def test_a_mistake_in_the_contract_is_named_by_its_key(cameras, options, said):
    with pytest.raises(ContractError, match=said):
        cameras.camera_contract(options)


def test_an_image_of_another_type_or_named_as_the_policys_input_is_refused(cameras):
    with pytest.raises(ContractError, match='type must be sensor_msgs/msg/CompressedImage or'):
        cameras.camera_contract(kind='nav_msgs/msg/Odometry')
    text = cameras.contract_text().replace('camera: {topic', 'observation: {topic')
    from ilw_core.contract.file import parse_contract
    with pytest.raises(ContractError, match='names an input'):
        parse_contract(text)


def test_a_cut_keeps_the_images_of_its_ticks(cameras, tmp_path):
    contract = cameras.camera_contract()
    folder = cameras.write_bag(tmp_path / 'one', messages(cameras, 'jpeg', 12), contract,
                               meta={'outcome': 'success', 'task': 'camera'})
    whole = load_episode(folder, contract)
    made = load_episode(cut(read_episode(folder), contract, 3, 8).path, contract)
    assert made.images['camera'].tobytes() == whole.images['camera'][3:9].tobytes()
    assert made.whole.all() and len(made.images['camera']) == 6


def test_more_than_memory_holds_is_refused_with_a_remedy(cameras, tmp_path, monkeypatch):
    monkeypatch.setattr(images_module, 'MAX_BYTES', 6 * 16 * 24 * 3 - 1)
    contract = cameras.camera_contract()
    folder = cameras.write_bag(tmp_path / 'one', messages(cameras, 'jpeg'), contract)
    with pytest.raises(EpisodeError, match='smaller size'):
        load_episode(folder, contract)


@pytest.mark.parametrize(('keep', 'left'), [(64, [300, 400]), (None, [0, 100, 200, 300, 400])])
def test_what_lies_before_a_tick_is_forgotten_live_and_kept_of_a_bag(cameras, keep, left):
    contract = cameras.camera_contract(kind=cameras.RAW, odometry=False)
    resampler = Resampler(contract, keep)
    for stamp in range(0, 500, 100):
        resampler.push('camera', stamp, cameras.raw(0, GRAY, 'mono8'))
    assert resampler.observe(350).whole
    assert resampler._buffers['camera']._stamps == left
    assert list(resampler._buffers['camera']._values) == left
