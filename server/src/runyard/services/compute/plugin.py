"""What a plugin is made of: typed parameters, a typed result, one function.

::

    class Blur(Parameters):
        radius: Annotated[float, Field(gt=0, le=100)] = 2.0

    class Blurred(Result):
        output_path: str

    @plugin("blur", output="output/blurred.png")
    def blur(task: Task[Blur]) -> Blurred:
        with open_image(task) as image:
            image.filter(GaussianBlur(task.params.radius)).save(task.output("output/blurred.png"))
        return Blurred(output_path="output/blurred.png")

Found by entry point (group ``runyard.plugins``). The API imports a plugin's module for its parameters alone, so what is
heavy to import is imported inside the function.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from runyard.sizes import GIB

GROUP: Final = "runyard.plugins"
FOLDERS: Final = ("output", "faces")
"""Where a job's results may lie."""


class Parameters(BaseModel):
    """What users may set, read from form fields. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(BaseModel):
    """What a job found out: the ``task_output`` of its record."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Parameters)
R = TypeVar("R", bound=Result)


class MediaError(Exception):
    """The job can't be done, for a reason that lies in its file or parameters.

    Args:
        message: for people; what is wrong with the file, and what would do.
        reason: stable word: ``bad_media`` (damaged), ``unsupported_media`` (of another kind), ``too_large``.
    """

    def __init__(self, message: str, *, reason: str = "bad_media") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaLimits:
    """What a file may make us do."""

    pixels: int = 89_478_485
    """Pixels of one image or video frame."""
    frames: int = 2_000
    """Frames of one animation."""
    duration: float = 4 * 3600.0
    """Seconds of one video or sound."""
    output: int = 8 * GIB
    """Bytes of all results together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[P]):
    """One job, as its plugin sees it.

    Attributes:
        input: the file to work on. Its path says nothing about what it is.
        name: what the uploader called the file.
        params: checked parameters.
        models: folder of the yard's models, ``<name>/model.onnx``.
    """

    input: Path
    name: str
    params: P
    folder: Path
    models: Path
    limits: MediaLimits = field(default_factory=MediaLimits)
    report: Callable[[int, str], None] = lambda _percent, _note: None

    def output(self, path: str) -> Path:
        """Where to write the result that users know as ``path``, such as ``output/hash.json``."""
        parts = PurePosixPath(path).parts
        if not parts or parts[0] not in FOLDERS or ".." in parts:
            raise ValueError(f"{path!r} is no path of a result: it begins with one of {', '.join(FOLDERS)}.")
        target = self.folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def progress(self, percent: int, note: str = "") -> None:
        """Say how far it is, 0 to 99."""
        self.report(max(0, min(99, percent)), note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin(Generic[P]):
    """A kind of media job.

    Attributes:
        name: the task type.
        output: where the main result goes: ``output_path`` of the record's ``params``, from parameters and file name.
        batch: most tasks that ``run`` takes at once; jobs that wait are handed over together.
        missing: what this machine lacks for it, with the way to get it, given the folder of models; None if nothing.
    """

    name: str
    about: str
    parameters: type[P]
    result: type[Result]
    run: Callable[[Sequence[Task[P]]], Sequence[Result | MediaError]]
    output: Callable[[P, str], str]
    batch: int = 1
    missing: Callable[[Path], str | None] = lambda _models: None

    @property
    def kind(self) -> str:
        """The kind of its jobs."""
        return f"compute.{self.name}"


def plugin(
    name: str,
    *,
    output: str | Callable[[P, str], str],
    missing: Callable[[Path], str | None] = lambda _models: None,
) -> Callable[[Callable[[Task[P]], R]], Plugin[P]]:
    """Make a plugin of a function that does one task."""

    def make(function: Callable[[Task[P]], R]) -> Plugin[P]:
        def run(tasks: Sequence[Task[P]]) -> Sequence[Result | MediaError]:
            return [_one(function, task) for task in tasks]

        parameters, result = _types(function)
        return Plugin(
            name=name, about=_about(function), parameters=parameters, result=result, run=run,
            output=_output(output), missing=missing,
        )  # fmt: skip

    return make


def batch_plugin(
    name: str,
    *,
    output: str | Callable[[P, str], str],
    batch: int,
    missing: Callable[[Path], str | None] = lambda _models: None,
) -> Callable[[Callable[[Sequence[Task[P]]], Sequence[R | MediaError]]], Plugin[P]]:
    """Make a plugin of a function that does up to ``batch`` tasks at once, with one result or error for each."""

    def make(function: Callable[[Sequence[Task[P]]], Sequence[R | MediaError]]) -> Plugin[P]:
        parameters, result = _types(function)
        return Plugin(
            name=name, about=_about(function), parameters=parameters, result=result, run=function,
            output=_output(output), batch=batch, missing=missing,
        )  # fmt: skip

    return make


def _one(function: Callable[[Task[P]], Result], task: Task[P]) -> Result | MediaError:
    try:
        return function(task)
    except MediaError as error:
        return error


def _output(output: str | Callable[[P, str], str]) -> Callable[[P, str], str]:
    return (lambda _params, _name: output) if isinstance(output, str) else output


def _about(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").split("\n", 1)[0]


def _types(function: Callable[..., object]) -> tuple[type[Any], type[Result]]:
    """The types of parameters and result, from the function's annotations."""
    hints = typing.get_type_hints(function)
    answer = _find(hints.pop("return", None), Result)
    parameters = next((found for hint in hints.values() if (found := _find(hint, Parameters))), None)
    if parameters is None or answer is None:
        raise TypeError(
            f"{function.__qualname__} needs annotations: (task: Task[<a subclass of Parameters>])"
            " -> <a subclass of Result>, or sequences of both."
        )
    return parameters, answer


def _find(hint: object, base: type) -> type[Any] | None:
    """The first subclass of ``base`` in an annotation."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint if issubclass(hint, base) else None
    return next((found for part in typing.get_args(hint) if (found := _find(part, base))), None)
