"""Running ONNX files with onnxruntime on the processor, and what to say of one that can't be run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runyard.services.compute.models.errors import ModelError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]

Floats: TypeAlias = NDArray[np.float32]

PRECISIONS: Final[Mapping[str, type[np.float32 | np.float16]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
}


@dataclass(frozen=True, slots=True)
class Network:
    """A loaded ONNX file that makes numbers of pictures.

    Attributes:
        file: what it is called in errors.
        shape: of its input, with names or None where any length will do.
        outputs: names of what it can tell.
    """

    file: str
    shape: tuple[int | str | None, ...]
    outputs: tuple[str, ...]
    _session: InferenceSession
    _input: str
    _precision: type[np.float32 | np.float16]

    @classmethod
    def load(cls, path: Path) -> Network:
        """The network of an ONNX file, ready to run.

        Raises:
            ModelError: it is no ONNX file, is cut off, needs what onnxruntime doesn't have, or takes no picture.
        """
        session = _open(path)
        inputs = session.get_inputs()
        if len(inputs) != 1 or inputs[0].type not in PRECISIONS or len(inputs[0].shape) != 4:
            found = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
            raise ModelError(
                f"{path.name!r} takes {found or 'nothing'}; an image model takes one tensor of floats with 4 axes."
            )
        shape, outputs = tuple(inputs[0].shape), tuple(one.name for one in session.get_outputs())
        return cls(path.name, shape, outputs, session, inputs[0].name, PRECISIONS[inputs[0].type])

    def run(self, pictures: Floats, outputs: Sequence[str] | None = None) -> list[Floats]:
        """What it tells of a batch of pictures: all outputs, or those named.

        Raises:
            ModelError: it can't be run on input of this shape.
        """
        feed = {self._input: np.ascontiguousarray(pictures, self._precision)}
        try:
            return [np.asarray(found, np.float32) for found in self._session.run(outputs, feed)]
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise ModelError(f"{self.file!r} fails on input of shape {pictures.shape}: {str(error)[:300]}") from error


def _open(path: Path) -> InferenceSession:
    from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415  (heavy; the API never runs a model)

    options = SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    options.enable_cpu_mem_arena = False  # it would keep the memory of the largest picture ever seen
    options.log_severity_level = 4  # what goes wrong is in the exception
    # Threads of an idle session would otherwise spin, and take the processor from the next job's decoder.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        detail = str(error).replace(str(path.parent), "")[:300]
        raise ModelError(f"{path.name!r} can't be loaded: {detail}") from error
