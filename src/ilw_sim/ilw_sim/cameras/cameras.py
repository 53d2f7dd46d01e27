"""The cameras of a simulated robot: pictures are made when somebody asks, once a tick."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace as Plain
from typing import Any

import cv2
import numpy as np

from ilw_core.errors import ContractError
from ilw_sim.cameras.drawing import Drawing, Shape, link_frame, quaternion
from ilw_sim.cameras.light import Light
from ilw_sim.cameras.spec import FORMATS, CameraSpec
from ilw_sim.sensing.readings import header, mounted
from ilw_sim.simulated import Offer

COMPRESSED, INFO = 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/CameraInfo'


class Cameras:
    """
    What the cameras of one simulated robot send.

    :param shapes: returns what is drawn, of the scene that is there.
    """

    def __init__(self, specs: Sequence[CameraSpec], shapes: Callable[[], list[Shape]]) -> None:
        self.specs, self._shapes = tuple(specs), shapes
        self._images = {spec.image_topic: spec for spec in specs}
        self._infos = {spec.info_topic: spec for spec in specs}
        self._drawing: Drawing | None = None
        self._placed = -1
        """Step that the drawing shows"""
        self._sent: dict[str, tuple[int, np.ndarray]] = {}
        """Name -> step and bytes of the newest picture"""
        self._physics: Any = None
        self._light = Light()
        self._links: Mapping[str, tuple[int, int]] = {}

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What is published."""
        return tuple(offer for spec in self.specs for offer in (
            Offer(spec.image_topic, COMPRESSED), Offer(spec.info_topic, INFO)))

    @property
    def topics(self) -> frozenset[str]:
        """Topics of all offers."""
        return frozenset((*self._images, *self._infos))

    def mounts(self, stamp_ns: int) -> list[Plain]:
        """Return the transform from where each camera is mounted to its optical frame."""
        found = []
        for spec in self.specs:
            found.append(mounted(stamp_ns, spec.frame, spec.optical_frame,
                                 spec.mount[:3, 3].tolist(), quaternion(spec.mount[:3, :3])))
        return found

    def begin(self, physics: Any, links: Mapping[str, tuple[int, int]],
              light: Light | None = None) -> None:
        """
        Forget the scene before.

        :param physics: server whose bodies are drawn.
        :param links: name of each frame that a camera may be mounted on -> body and link.
        :param light: what there is of it; ``None``: the usual one.
        :raises ContractError: a camera is mounted on no such frame.
        """
        for spec in self.specs:
            if spec.frame not in links:
                raise ContractError(f'scene.cameras.{spec.name}.frame must be one of '
                                    f'{", ".join(links)}. Got {spec.frame!r}.')
        self._physics, self._links, self._light = physics, links, light or Light()
        self._drawing, self._placed, self._sent = None, -1, {}

    def reading(self, topic: str, step: int, stamp_ns: int) -> Plain:
        """Return what the message of one of ``topics`` holds at the step where physics is."""
        if topic in self._infos:
            return self._infos[topic].info(stamp_ns)
        spec = self._images[topic]
        if spec.name not in self._sent or self._sent[spec.name][0] != step:
            self._sent[spec.name] = step, encoded(self._see(spec, step), spec)
        return Plain(header=header(stamp_ns, spec.optical_frame), format=spec.format,
                     data=self._sent[spec.name][1])

    def _see(self, spec: CameraSpec, step: int) -> np.ndarray:
        if self._drawing is None:
            self._drawing = Drawing(self._shapes(), self._light)
        if self._placed != step:
            self._drawing.place(self._physics)
            self._placed = step
        return self._drawing.see(spec, link_frame(self._physics, *self._links[spec.frame]))


def encoded(pixels: np.ndarray, spec: CameraSpec) -> np.ndarray:
    """Return the bytes ``(L,)`` uint8 of a picture ``(H, W, 3)``, blue first, as it is sent."""
    options = [cv2.IMWRITE_JPEG_QUALITY, spec.quality] if spec.format == 'jpeg' else [
        cv2.IMWRITE_PNG_COMPRESSION, 1]
    return np.asarray(cv2.imencode(FORMATS[spec.format], pixels, options)[1]).reshape(-1)
