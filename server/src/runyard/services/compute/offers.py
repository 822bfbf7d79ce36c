"""What this service offers to governed runs: each plugin, as ``media:<plugin>``."""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

import msgspec
from pydantic import ValidationError

from runyard.jobs import Asked, File, Job, NewJob, Offer, Unservable
from runyard.services.compute.plugin import Parameters, Plugin, Result
from runyard.services.compute.plugins import installed
from runyard.services.compute.words import INPUT
from runyard.yard import Yard

_PLAIN = (str, int, float, bool, type(None))


def offers(yard: Yard) -> list[Offer]:
    """One for each plugin that is installed."""
    return [_offer(yard, plugin) for plugin in installed().values()]


def _offer(yard: Yard, plugin: Plugin[Any]) -> Offer:
    async def request(asked: Asked) -> NewJob:
        given = dict(msgspec.structs.asdict(asked.input))  # type: ignore[arg-type]
        file = given.pop("file")
        assert isinstance(file, File)
        try:
            params = plugin.parameters.model_validate(
                {name: value for name, value in given.items() if value is not msgspec.UNSET}
            )
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise Unservable(f"{place} is {first['input']!r:.100}: {first['msg']}") from None
        number = (await yard.identity.users.get(asked.owner)).number
        name = file.name.replace("\\", "/").rpartition("/")[2] or "file"
        paths = {"input_path": INPUT + name, "output_path": plugin.output(params, name)}
        stored = {
            "params": {**paths, **params.model_dump(mode="json")},
            "file": {"name": name, "sha256": file.sha256, "size": file.size},
            "user": number,
            "channel": None,
        }
        return NewJob(
            kind=plugin.kind, owner=asked.owner, tenant=asked.tenant, params=stored, priority=5,
            fingerprint=hashlib.sha256(msgspec.json.encode(stored, order="deterministic")).digest(),
            artifacts={INPUT + name: (file.sha256, "application/octet-stream")},
        )  # fmt: skip

    return Offer(
        operation=f"media:{plugin.name.removeprefix('media_')}", title=plugin.about,
        input=_input(plugin), output=_struct(f"{plugin.name}_output", plugin.result), request=request, result=_result,
    )  # fmt: skip


def _result(job: Job) -> Mapping[str, object]:
    return job.result or {}


def _input(plugin: Plugin[Any]) -> type[msgspec.Struct]:
    """The file, and the plugin's parameters, which may all be left out."""
    fields = [
        (name, _plain(one.annotation) | msgspec.UnsetType, msgspec.UNSET)
        for name, one in plugin.parameters.model_fields.items()
    ]
    return msgspec.defstruct(
        f"{plugin.name}_input", [("file", File), *fields], kw_only=True, frozen=True, forbid_unknown_fields=True
    )


def _struct(name: str, model: type[Parameters | Result]) -> type[msgspec.Struct]:
    fields = [(field, _plain(one.annotation)) for field, one in model.model_fields.items()]
    return msgspec.defstruct(name, fields, kw_only=True, frozen=True)


def _plain(kind: Any) -> Any:
    """What of a pydantic type both libraries understand; anything where they differ. The plugin checks the rest."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return _plain(arguments[0])
    if kind in _PLAIN or origin is Literal:
        return kind
    if origin in {Union, types.UnionType}:
        found = tuple(map(_plain, arguments))
        return object if object in found else Union.__getitem__(found)
    if origin is list:
        return list[_plain(arguments[0])]  # type: ignore[misc]
    return dict[str, object] if isinstance(kind, type) and issubclass(kind, Result) else object
