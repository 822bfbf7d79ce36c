"""Values of the component model between C and Python, read by what they are and written by declared types.

Byte strings cross in one go: the package's own conversion handles them byte by byte, which for a blob of a megabyte
takes a second in which no other instance of the process can run.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import wasmtime._ffi as ffi
from wasmtime import WasmtimeError

Context = Any
"""A pointer to the store as host functions get it; the C API's own type has no name in Python."""

Place = Any
"""A C value to be read or filled."""

_SIZE: Final = ctypes.sizeof(ffi.wasmtime_component_val_t)
_PAYLOAD: Final = ffi.wasmtime_component_val_t.of.offset
_U8: Final = ffi.WASMTIME_COMPONENT_U8.value

_NUMBERS: Final[Mapping[int, str]] = {
    getattr(ffi, f"WASMTIME_COMPONENT_{name.upper()}").value: name
    for name in ("s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64")
}


@dataclass(frozen=True, slots=True)
class Rep:
    """A resource as an argument: the number the host gave it."""

    number: int


def lift(context: Context, value: Place) -> Any:
    """The Python form of an argument: records are dicts, variants (name, payload), resources :class:`Rep`."""
    kind, of = value.kind, value.of
    if kind in _NUMBERS:
        return getattr(of, _NUMBERS[kind])
    read = _LIFTERS.get(kind)
    if read is None:
        raise WasmtimeError(f"values of kind {kind} can't be passed to the host")
    return read(context, of)


class Type(Protocol):
    """How a result is written."""

    def put(self, context: Context, value: Any, place: Place) -> None:
        """Fill ``place``, which becomes the owner of what is made for it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number or truth value; ``name`` is C's."""

    name: str

    def put(self, _context: Context, value: Any, place: Place) -> None:
        """See :class:`Type`."""
        place.kind = getattr(ffi, f"WASMTIME_COMPONENT_{'BOOL' if self.name == 'boolean' else self.name.upper()}")
        setattr(place.of, self.name, value)


BOOL, U32, U64, F32 = Number("boolean"), Number("u32"), Number("u64"), Number("f32")


class _Text:
    def put(self, _context: Context, value: Any, place: Place) -> None:
        place.kind = ffi.WASMTIME_COMPONENT_STRING
        place.of.string = _characters(value)


class _Bytes:
    def put(self, _context: Context, value: Any, place: Place) -> None:
        raw = ffi.wasmtime_component_vallist_t()
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(value))
        if value:
            cells = bytearray(_SIZE * len(value))
            cells[::_SIZE] = bytes([_U8]) * len(value)
            cells[_PAYLOAD::_SIZE] = value
            ctypes.memmove(raw.data, (ctypes.c_char * len(cells)).from_buffer(cells), len(cells))
        place.kind = ffi.WASMTIME_COMPONENT_LIST
        place.of.list = raw


TEXT, BYTES = _Text(), _Bytes()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one type."""

    element: Type

    def put(self, context: Context, value: Sequence[Any], place: Place) -> None:
        """See :class:`Type`."""
        raw = ffi.wasmtime_component_vallist_t()
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(value))
        for number, element in enumerate(value):
            self.element.put(context, element, raw.data[number])
        place.kind = ffi.WASMTIME_COMPONENT_LIST
        place.of.list = raw


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple."""

    elements: tuple[Type, ...]

    def put(self, context: Context, value: Sequence[Any], place: Place) -> None:
        """See :class:`Type`."""
        raw = ffi.wasmtime_component_valtuple_t()
        ffi.wasmtime_component_valtuple_new_uninit(ctypes.byref(raw), len(self.elements))
        for number, (element, one) in enumerate(zip(self.elements, value, strict=True)):
            element.put(context, one, raw.data[number])
        place.kind = ffi.WASMTIME_COMPONENT_TUPLE
        place.of.tuple = raw


@dataclass(frozen=True, slots=True)
class Record:
    """A record, from a dict."""

    fields: tuple[tuple[str, Type], ...]

    def put(self, context: Context, value: Mapping[str, Any], place: Place) -> None:
        """See :class:`Type`."""
        raw = ffi.wasmtime_component_valrecord_t()
        ffi.wasmtime_component_valrecord_new_uninit(ctypes.byref(raw), len(self.fields))
        for number, (name, kind) in enumerate(self.fields):
            raw.data[number].name = _characters(name)
            kind.put(context, value[name], raw.data[number].val)
        place.kind = ffi.WASMTIME_COMPONENT_RECORD
        place.of.record = raw


@dataclass(frozen=True, slots=True)
class Option:
    """Something, or None."""

    some: Type

    def put(self, context: Context, value: Any, place: Place) -> None:
        """See :class:`Type`."""
        place.kind = ffi.WASMTIME_COMPONENT_OPTION
        place.of.option = None if value is None else _boxed(context, self.some, value)


@dataclass(frozen=True, slots=True)
class Failure:
    """The error of a :class:`Result`."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """A value, or a :class:`Failure`."""

    ok: Type | None = None
    err: Type | None = None

    def put(self, context: Context, value: Any, place: Place) -> None:
        """See :class:`Type`."""
        failed = isinstance(value, Failure)
        kind, payload = (self.err, value.value) if isinstance(value, Failure) else (self.ok, value)
        place.kind = ffi.WASMTIME_COMPONENT_RESULT
        place.of.result.is_ok = not failed
        place.of.result.val = None if kind is None else _boxed(context, kind, payload)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several cases, from (name, payload)."""

    cases: Mapping[str, Type | None]

    def put(self, context: Context, value: tuple[str, Any], place: Place) -> None:
        """See :class:`Type`."""
        name, payload = value
        kind = self.cases[name]
        place.kind = ffi.WASMTIME_COMPONENT_VARIANT
        place.of.variant.discriminant = _characters(name)
        place.of.variant.val = None if kind is None else _boxed(context, kind, payload)


@dataclass(frozen=True, slots=True)
class Own:
    """A new resource of the host; the value is the number it shall have."""

    kind: int

    def put(self, context: Context, value: int, place: Place) -> None:
        """See :class:`Type`."""
        host = ffi.wasmtime_component_resource_host_new(True, value, self.kind)
        any_ = ctypes.POINTER(ffi.wasmtime_component_resource_any_t)()
        error = ffi.wasmtime_component_resource_host_to_any(context, host, ctypes.byref(any_))
        ffi.wasmtime_component_resource_host_delete(host)
        if error:
            raise WasmtimeError._from_ptr(error)  # noqa: SLF001
        place.kind = ffi.WASMTIME_COMPONENT_RESOURCE
        place.of.resource = any_


def _boxed(context: Context, kind: Type, value: Any) -> Any:
    raw = ffi.wasmtime_component_val_t()
    kind.put(context, value, raw)
    return ffi.wasmtime_component_val_new(ctypes.byref(raw))


def _characters(text: str) -> Any:
    return ffi.bytes_to_capi(text.encode())


def _text(vector: Any) -> str:
    return ctypes.string_at(vector.data, vector.size).decode(errors="replace") if vector.size else ""


def _lift_list(context: Context, of: Any) -> bytes | list[Any]:
    size = of.list.size
    if not size:
        return b""
    if of.list.data[0].kind == _U8:
        return ctypes.string_at(of.list.data, size * _SIZE)[_PAYLOAD::_SIZE]
    return [lift(context, of.list.data[number]) for number in range(size)]


def _lift_record(context: Context, of: Any) -> dict[str, Any]:
    entries = [of.record.data[number] for number in range(of.record.size)]
    return {_text(entry.name): lift(context, entry.val) for entry in entries}


def _lift_result(context: Context, of: Any) -> Any:
    payload = lift(context, of.result.val.contents) if of.result.val else None
    return payload if of.result.is_ok else Failure(payload)


def _lift_resource(context: Context, of: Any) -> Rep:
    """A borrow ends with this, as it must before the function returns."""
    host = ctypes.POINTER(ffi.wasmtime_component_resource_host_t)()
    error = ffi.wasmtime_component_resource_any_to_host(context, of.resource, ctypes.byref(host))
    if error:
        raise WasmtimeError._from_ptr(error)  # noqa: SLF001
    number = ffi.wasmtime_component_resource_host_rep(host)
    ffi.wasmtime_component_resource_host_delete(host)
    return Rep(number)


_LIFTERS: Final[Mapping[int, Callable[[Context, Any], Any]]] = {
    ffi.WASMTIME_COMPONENT_BOOL.value: lambda _context, of: bool(of.boolean),
    ffi.WASMTIME_COMPONENT_CHAR.value: lambda _context, of: chr(of.character),
    ffi.WASMTIME_COMPONENT_STRING.value: lambda _context, of: _text(of.string),
    ffi.WASMTIME_COMPONENT_LIST.value: _lift_list,
    ffi.WASMTIME_COMPONENT_RECORD.value: _lift_record,
    ffi.WASMTIME_COMPONENT_TUPLE.value: lambda context, of: tuple(
        lift(context, of.tuple.data[number]) for number in range(of.tuple.size)
    ),
    ffi.WASMTIME_COMPONENT_ENUM.value: lambda _context, of: _text(of.enumeration),
    ffi.WASMTIME_COMPONENT_OPTION.value: lambda context, of: lift(context, of.option.contents) if of.option else None,
    ffi.WASMTIME_COMPONENT_RESULT.value: _lift_result,
    ffi.WASMTIME_COMPONENT_VARIANT.value: lambda context, of: (
        _text(of.variant.discriminant), lift(context, of.variant.val.contents) if of.variant.val else None
    ),
    ffi.WASMTIME_COMPONENT_RESOURCE.value: _lift_resource,
}  # fmt: skip
