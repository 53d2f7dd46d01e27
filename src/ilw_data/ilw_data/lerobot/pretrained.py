"""A pretrained ACT policy of LeRobot, as the files of its folder describe it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilw_core.contract.schema import Section, shown
from ilw_core.errors import IlwError
from ilw_core.storage.files import is_regular, read_json
from ilw_data.lerobot.layout import ACTION, IMAGES, INFO_FILE, MAX_JSON_BYTES, STATE

ENVIRONMENT = 'observation.environment_state'
WEIGHTS_FILE = 'model.safetensors'
MOST_ACTIONS = 1000
"""Of a chunk; a checkpoint of ILW holds no longer one"""
_CONFIG, _TRAINING = 'config.json', 'train_config.json'
_BEFORE, _AFTER = 'policy_preprocessor.json', 'policy_postprocessor.json'
_RENAME = 'rename_observations_processor'
_STEPS = {
    _BEFORE: (_RENAME, 'to_batch_processor', 'device_processor', 'normalizer_processor'),
    _AFTER: ('unnormalizer_processor', 'device_processor'),
}
"""LeRobot imports and calls whatever else a file names, so nothing else gets to it"""


@dataclass(frozen=True)
class PretrainedAct:
    """What it sees and gives, by the names of the data set that it was trained from."""

    folder: Path
    vectors: dict[str, int]
    """Feature -> how many numbers, in the policy's order"""
    cameras: dict[str, tuple[int, int]]
    """Feature -> height and width, in the policy's order"""
    actions: int
    """Numbers of an action, Da"""
    chunk: int
    """Actions it gives at once, Ta"""
    driven: int
    """Of them LeRobot drives so many before it looks again"""
    ensemble: float | None
    """Coefficient of its temporal ensemble; ``None``: chunks follow one another"""
    fps: float | None
    """Of its data set; ``None`` where that is not on this machine"""
    settings: dict[str, Any]
    """Of the network, as ``config.json`` says them"""


def read_pretrained(folder: Path) -> PretrainedAct:
    """
    Read what a folder of ``save_pretrained`` says of its policy, without LeRobot.

    :raises IlwError: it is none of ACT, or one that ILW cannot import; says why.
    """
    if not is_regular(folder / _CONFIG) or not is_regular(folder / WEIGHTS_FILE):
        raise IlwError(f'{folder} must be a policy of LeRobot: a folder with {_CONFIG} and '
                       f'{WEIGHTS_FILE}, no links. LeRobot\'s training leaves one as '
                       f'checkpoints/NUMBER/pretrained_model. Name that.')
    settings = _read(folder / _CONFIG)
    config = Section(settings, str(folder / _CONFIG))
    config.text('type', choices=('act',))
    renamed = {new: old for old, new in _renamed(folder).items()}
    vectors, cameras = {}, {}
    inputs = config.section('input_features')
    for key in inputs.keys():  # noqa: SIM118 - no mapping
        shape, name = _shape(inputs.section(key)), renamed.get(key, key)
        if key in (STATE, ENVIRONMENT) and len(shape) == 1:
            vectors[name] = shape[0]
        elif name.startswith(IMAGES) and len(shape) == 3 and shape[0] == 3:
            cameras[name] = shape[1], shape[2]
        else:
            raise inputs.error(key, f'a vector {STATE} or {ENVIRONMENT}, or a picture '
                               f'{IMAGES}NAME of shape [3, height, width]', shape)
    outputs = config.section('output_features').section(ACTION)
    chunk = config.integer('chunk_size', low=1, high=MOST_ACTIONS)
    return PretrainedAct(
        folder, vectors, cameras, _shape(outputs)[0], chunk,
        config.integer('n_action_steps', low=1, high=chunk),
        config.number('temporal_ensemble_coeff', low=0.0)
        if config.has('temporal_ensemble_coeff') else None,
        _trained_fps(folder), settings)


def _renamed(folder: Path) -> dict[str, str]:
    """Return feature of the data set -> of the policy; sees that LeRobot may load all steps."""
    renamed: dict[str, str] = {}
    for file, known in _STEPS.items():
        if not is_regular(folder / file):
            raise IlwError(
                f'{folder} must hold {file}, as LeRobot writes it since 0.4. Got none. Convert an '
                f'older policy with LeRobot itself: python -m '
                f'lerobot.processor.migrate_policy_normalization --pretrained-path={folder}.')
        for step in Section(_read(folder / file), str(folder / file)).sections('steps'):
            name = step.text('registry_name', choices=known)
            if step.has('class'):
                raise step.error('class', 'left out', step.take('class'))
            if name == _RENAME:
                given = step.section('config', required=False).take('rename_map', {})
                if not isinstance(given, dict):
                    raise step.error('config.rename_map', 'a mapping of names', given)
                renamed |= {str(old): str(new) for old, new in given.items()}
            if step.has('state_file'):
                state = step.text('state_file')
                if Path(state).name != state or not is_regular(folder / state):
                    raise step.error('state_file', 'a file beside it', state)
    return renamed


def _trained_fps(folder: Path) -> float | None:
    """Return the rate of the data set that a training names, where it is here to be asked."""
    if not is_regular(folder / _TRAINING):
        return None
    told = _read(folder / _TRAINING)
    data = told.get('dataset') if isinstance(told, dict) else None
    root = data.get('root') if isinstance(data, dict) else None
    if not isinstance(root, str) or not is_regular(Path(root) / INFO_FILE):
        return None
    info = Path(root) / INFO_FILE
    return Section(_read(info), str(info)).number('fps', low=0.1)


def _shape(feature: Section) -> list[int]:
    shape = feature.take('shape', required=True)
    if not isinstance(shape, list) or not shape or not all(
            type(side) is int and side > 0 for side in shape):
        raise feature.error('shape', 'a list of sides', shape)
    return shape


def _read(path: Path) -> Any:
    try:
        return read_json(path, MAX_JSON_BYTES)
    except ValueError as error:
        raise IlwError(f'{path} must be JSON. It cannot be read ({shown(str(error))}). Copy the '
                       f'policy again.') from error
