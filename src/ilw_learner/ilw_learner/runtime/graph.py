"""Compute an ONNX graph with ONNX Runtime, within a bound of memory. No torch, no ROS."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime as ort

from ilw_core.errors import GraphError
from ilw_learner.checkpoint.graph_check import MAX_MEMORY_BYTES, check_graph
from ilw_learner.checkpoint.graph_values import FROZEN, INPUT, OUTPUT


class Graph:
    """
    An ONNX graph on one CPU thread, its input and output bound once: 10 microseconds, not 13.

    :param model: the ONNX file's content. Not its path: files beside it are then out of reach.
    :param shape: of the input ``observation``; float32, as the output ``action`` is.
    :param path: where it came from, for the error's text.
    :param images: name -> shape of further inputs, uint8. With some of them, the graph may leave
        out the others, and ``observation``.
    :param chunk: (Ta, Da) of the output, where it may go on from actions.
    :raises GraphError: it is no such graph.
    """

    def __init__(self, model: bytes, shape: tuple[int, ...],
                 path: Path = Path('policy.onnx'),
                 images: Mapping[str, tuple[int, ...]] | None = None,
                 chunk: tuple[int, int] | None = None) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry('session.use_env_allocators', '1')
        self._input = np.zeros(shape, dtype=np.float32)
        self._images = {name: np.zeros(each, dtype=np.uint8)
                        for name, each in (images or {}).items()}
        self._frozen: np.ndarray | None = None
        check_graph(model, path)
        try:
            _bound_memory()
            self._session = ort.InferenceSession(model, options,
                                                 providers=['CPUExecutionProvider'])
            asked = {each.name for each in self._session.get_inputs()}
            given = {name: array for name, array in self._images.items() if name in asked}
            if chunk is not None and FROZEN in asked:
                self._frozen = np.zeros((shape[0], chunk[0], chunk[1] + 1), dtype=np.float32)
                given[FROZEN] = self._frozen
            if INPUT in asked or not given.keys() & self._images.keys():
                given[INPUT] = self._input
            self._output = self._session.run([OUTPUT], given)[0]
            self._binding = self._session.io_binding()
            for name, array in given.items():
                self._binding.bind_input(name, 'cpu', 0, array.dtype.type, array.shape,
                                         array.ctypes.data)
            self._binding.bind_output(OUTPUT, 'cpu', 0, np.float32, self._output.shape,
                                      self._output.ctypes.data)
        except Exception as error:  # onnxruntime's errors share no other base class
            raise GraphError(f'{path} is no network for this contract: '
                                  f'{" ".join(str(error).split())[:200]}') from error
        if self._output.dtype != np.float32:
            raise GraphError(f'{path} must give float32. Got {self._output.dtype}.')
        self.shape = self._output.shape

    def __call__(self, values: np.ndarray,
                 images: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """
        Return the output of the first, without the batch; the next call overwrites it.

        :param images: those that changed since the last call.
        :raises GraphError: the graph cannot be computed for these values.
        """
        return self.batch(values, images)[0]

    def freeze(self, actions: np.ndarray) -> None:
        """Say which ``(d, Da)`` actions the next output begins with; a graph may not know how."""
        if self._frozen is not None:
            self._frozen[:] = 0.0
            if len(actions):
                self._frozen[:, :len(actions), :-1] = actions
                self._frozen[:, :len(actions), -1] = 1.0

    def batch(self, values: np.ndarray,
              images: Mapping[str, np.ndarray] | None = None) -> np.ndarray:
        """Return the outputs of a whole batch; else like calling it."""
        self._input[:] = values
        for name, image in (images or {}).items():
            self._images[name][:] = image
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:
            raise GraphError(f'the network failed: '
                                  f'{" ".join(str(error).split())[:200]}') from error
        return self._output


@cache
def _bound_memory() -> None:
    """Let no graph take more memory than any policy needs; once per process."""
    ort.create_and_register_allocator(
        ort.OrtMemoryInfo('Cpu', ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                          ort.OrtMemType.DEFAULT),
        ort.OrtArenaCfg({'max_mem': MAX_MEMORY_BYTES, 'arena_extend_strategy': 1}))
