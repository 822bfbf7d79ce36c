"""Ways into wasmtime's C API that its Python package has not, or has in a form many threads can't share.

The package's own trampolines keep the exception a host function raised in one variable of the process, so that one
instance's end could become another's. These keep nothing: an exception becomes the guest's trap at once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final

import wasmtime._ffi as ffi
from wasmtime import FuncType, Linker, Store, Trap, ValType, WasmtimeError
from wasmtime import component as wc

CoreFunction = Callable[..., int | None]
"""A host function of a core module: numbers in, one or no number out."""

ComponentFunction = Callable[[Any, Any, int, Any], None]
"""A host function of a component: the context, its arguments, how many, and the place of its result, as C has them."""

_I32, _I64, _F32 = 0, 1, 2
_READERS: Final[dict[int, str]] = {_I32: "i32", _I64: "i64", _F32: "f32"}
_CONTINUE: Final = 0

_core: list[tuple[CoreFunction, int | None]] = []
_component: list[ComponentFunction] = []
_nothing = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))
"""Host functions live as long as the process: no finalizer."""


def define_core(  # noqa: PLR0917
    linker: Linker, module: str, name: str, params: Sequence[ValType], result: ValType | None, function: CoreFunction
) -> None:
    """Offer a host function to core modules. What it raises traps."""
    kind = None if result is None else {str(ValType.i32()): _I32, str(ValType.i64()): _I64}[str(result)]
    _core.append((function, kind))
    module_name, function_name = module.encode(), name.encode()
    signature = FuncType(list(params), [] if result is None else [result])
    _raise(
        ffi.wasmtime_linker_define_func(
            linker.ptr(), ctypes.create_string_buffer(module_name), len(module_name),
            ctypes.create_string_buffer(function_name), len(function_name),
            signature.ptr(), _call_core, len(_core) - 1, _nothing,
        )
    )  # fmt: skip


def define_component(instance: wc.LinkerInstance, name: str, function: ComponentFunction) -> None:
    """Offer a host function to components. What it raises traps."""
    _component.append(function)
    encoded = name.encode()
    _raise(
        ffi.wasmtime_component_linker_instance_add_func(
            instance.ptr(), ctypes.create_string_buffer(encoded), len(encoded), _call_component, len(_component) - 1,
            _nothing,
        )
    )  # fmt: skip


def epoch_question(interrupted: Callable[[], str | None]) -> Any:
    """A question for :func:`at_each_epoch`: whether the thread's program is to end. A text traps it.

    It must be kept as long as any store that has it.
    """

    def ask(_context: object, _data: object, delta: Any, kind: Any) -> int:
        reason = interrupted()
        if reason is not None:
            return _error(reason)
        delta[0], kind[0] = 1, _CONTINUE
        return 0

    return _EpochCallback(ask)


def at_each_epoch(store: Store, question: Any) -> None:
    """Have a question asked at every epoch, on the thread of the store's program."""
    ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), question, None, _nothing)
    store.set_epoch_deadline(1)


_EpochCallback: Final = ctypes.CFUNCTYPE(
    ctypes.c_size_t, ctypes.POINTER(ffi.wasmtime_context_t), ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint8),
)  # fmt: skip


@ffi.wasmtime_func_callback_t  # type: ignore[untyped-decorator]
def _call_core(index: int | None, _caller: object, params: Any, count: int, results: Any, _results: int) -> int:
    function, result = _core[index or 0]
    try:
        value = function(*[getattr(params[n].of, _READERS[params[n].kind]) for n in range(count)])
        if result is not None:
            results[0].kind = result
            setattr(results[0].of, _READERS[result], value)
    except BaseException as error:  # noqa: BLE001  (C can't have it)
        return ctypes.cast(Trap(str(error) or type(error).__name__)._consume(), ctypes.c_void_p).value or 0  # noqa: SLF001
    return 0


@ffi.wasmtime_component_func_callback_t  # type: ignore[untyped-decorator]
def _call_component(index: int | None, context: Any, _type: object, args: Any, count: int, results: Any,
                    _results: int) -> int:  # fmt: skip
    try:
        _component[index or 0](context, args, count, results)
    except BaseException as error:  # noqa: BLE001  (C can't have it)
        return _error(str(error) or type(error).__name__)
    return 0


def _error(text: str) -> int:
    return ctypes.cast(WasmtimeError(text)._consume(), ctypes.c_void_p).value or 0  # noqa: SLF001


def _raise(error: Any) -> None:
    if error:
        raise WasmtimeError._from_ptr(error)  # noqa: SLF001
