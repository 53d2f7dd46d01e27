"""Numbers and pictures of a data set as the messages that a contract reads them out of again."""

from collections.abc import Mapping
from types import SimpleNamespace as Plain
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.errors import ContractError
from ilw_data.bag.plain import put
from ilw_data.lerobot.layout import Layout, Numbers

_FRAME = 'lerobot'
_COMPRESSED = 'sensor_msgs/msg/CompressedImage'


class Fitting:
    """
    Which number of a data set is which of a contract.

    :param drafted: the contract was made for this layout: all is in the same order.
    :raises ContractError: something that the contract names is not in the data set, or cannot be
        made of numbers.
    """

    def __init__(self, contract: Contract, layout: Layout, *, drafted: bool) -> None:
        self._contract = contract
        self.pictures = self._pictures(layout, drafted=drafted)
        """Contract entry -> feature"""
        places = [(each.key, i) for each in layout.observed for i in range(len(each.names))]
        if drafted:
            self._observed = dict(zip(contract.obs_names, places, strict=True))
            self._action = list(range(contract.action.dim))
            return
        for source in contract.sources:
            _require_invertible(source)
        known = {name: (each.key, i) for each in reversed(layout.observed)
                 for i, name in enumerate(each.names)}
        self._observed = {name: self._place(name, known) for name in contract.obs_names}
        self._action = [self._command(name, layout.action) for name in contract.action.names]

    def observed(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return what the contract observes, ``(T, Do)`` float32, of features ``(T, D)``."""
        rows = [columns[key][:, i] for key, i in self._observed.values()]
        length = len(next(iter(columns.values())))
        return np.stack(rows, axis=1).astype(np.float32) if rows else np.empty(
            (length, 0), dtype=np.float32)

    def actions(self, action: np.ndarray) -> np.ndarray:
        """Return the contract's actions, ``(T, Da)`` float32, of the feature ``(T, D)``."""
        return action[:, self._action].astype(np.float32)

    def readings(self, observed: np.ndarray, pictures: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """
        Return the plain messages of one step by topic.

        :param observed: ``(Do,)``.
        :param pictures: contract entry -> ``(H, W, 3)`` uint8.
        """
        values = dict(zip(self._contract.obs_names, map(float, observed), strict=True))
        messages: dict[str, Any] = {}
        for source in self._contract.sources:
            message = messages.setdefault(source.topic, Plain(
                header=Plain(stamp=None, frame_id=_FRAME)))
            if source.feature.is_image:
                _add_picture(message, source.type, pictures[source.name])
            elif source.feature.kind == 'joints':
                _add_joints(message, source, values)
            else:
                found = [values[name] for name in source.feature.names]
                put(message, source.feature.fields[0][1], found[0] if len(found) == 1 else found)
        return messages

    def _pictures(self, layout: Layout, *, drafted: bool) -> dict[str, str]:
        entries = [source.name for source in self._contract.images]
        if drafted:
            return {entry: each.key for entry, each in zip(entries, layout.pictures, strict=True)}
        known = {each.name: each.key for each in layout.pictures}
        for entry in entries:
            if entry not in known:
                raise ContractError(f'The contract {self._contract.name} observes the camera '
                                    f'{entry}, which the data set lacks. It has: '
                                    f'{", ".join(known) or "none"}.')
        return {entry: known[entry] for entry in entries}

    def _place(self, name: str, known: Mapping[str, tuple[str, int]]) -> tuple[str, int]:
        joint = name.split('.', 1)[-1].rsplit('.', 1)[0]  # entry.joint.quantity
        for each in (name, joint):
            if each in known:
                return known[each]
        raise ContractError(f'The contract {self._contract.name} observes {name}, which the data '
                            f'set lacks. It has: {", ".join(known)}. Leave --task out: a '
                            f'contract is drafted.')

    def _command(self, name: str, action: Numbers) -> int:
        if name not in action.names:
            raise ContractError(f'The contract {self._contract.name} commands {name}, which the '
                                f'data set lacks. It has: {", ".join(action.names)}. Leave '
                                f'--task out: a contract is drafted.')
        return action.names.index(name)


def _require_invertible(source: ObservedTopic) -> None:
    feature = source.feature
    if feature.kind not in ('joints', 'field', 'image') or len(feature.needs) != 1:
        raise ContractError(f'observation.{source.name} (feature: {feature.kind}) cannot be made '
                            f'of numbers: only joints, field and image can. Leave --task out: a '
                            f'contract is drafted.')


def _add_joints(message: Any, source: ObservedTopic, values: Mapping[str, float]) -> None:
    fresh = [joint for joint in source.feature.expected
             if joint not in getattr(message, 'name', ())]
    message.name = [*getattr(message, 'name', ()), *fresh]
    for _, quantity in source.feature.fields[1:]:
        setattr(message, quantity, [*getattr(message, quantity, ()), *(
            values[f'{source.name}.{joint}.{quantity}'] for joint in fresh)])


def _add_picture(message: Any, kind: str, picture: np.ndarray) -> None:
    import cv2

    if kind == _COMPRESSED:
        message.format = 'png'
        message.data = cv2.imencode('.png', picture[..., ::-1])[1].reshape(-1)
    else:
        message.height, message.width = picture.shape[:2]
        message.encoding, message.step = 'rgb8', 3 * picture.shape[1]
        message.data = picture.reshape(-1)
