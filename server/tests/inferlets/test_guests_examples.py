"""The examples: the programs in text run, and the WIT and C files say what the host offers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from runyard.services.inferlets import instances
from runyard.services.inferlets.instances import Printed, Said
from runyard.services.inferlets.runtime import plain
from runyard.services.inferlets.runtime.interface import Interface, track
from runyard.services.inferlets.runtime.linking import interfaces
from runyard.services.inferlets.runtime.resources import ResourceKind
from runyard.services.inferlets.runtime.values import (
    BOOL,
    BYTES,
    F32,
    TEXT,
    U32,
    U64,
    ListOf,
    Option,
    Own,
    Result,
    Tuple,
    Type,
)

from .conftest import Bench

EXAMPLES = Path(__file__).parents[3] / "examples" / "inferlets"


def example(name: str) -> bytes:
    return (EXAMPLES / name).read_bytes()


async def test_echo_answers_until_bye(bench: Bench) -> None:
    job = await bench.launch(example("echo.wat"))
    for text in ("hello", "", "byebye", "bye"):
        await bench.text(job, text)
    end, said = await bench.story(job)
    assert (end.reason, end.text) == ("completed", "bye")
    assert said == [Said("hello"), Said(""), Said("byebye")]


async def test_echo_ends_when_it_is_told_to(bench: Bench) -> None:
    job = await bench.launch(example("echo.wat"))
    await bench.text(job, "hello")
    async with aclosing(bench.says(job)) as says:
        assert await anext(says) == Said("hello")
    await instances.terminate(bench.yard, job.id, grace=20)
    end, _ = await bench.story(job)
    assert end.reason == "aborted"


async def test_greet_prints_its_arguments(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(example("greet.wat"), "Ada", "Zoë"))
    assert (end.reason, end.code) == ("completed", 0)
    assert said == [Printed("stdout", "Hello, Ada!\nHello, Zoë!\n".encode())]


async def test_greet_has_a_status(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(example("greet.wat")))
    assert (end.reason, end.code) == ("exception", 1)
    assert said == [Printed("stderr", b"Whom shall I greet?\n")]


async def test_the_storyteller_says_why_there_is_no_story(bench: Bench) -> None:
    job = await bench.launch(example("storyteller.wat"))
    await bench.text(job, "x" * 300_000)  # more than a prompt may have, whichever model there is
    async with aclosing(bench.says(job)) as says:
        said = await anext(says)
    assert isinstance(said, Said)
    assert said.text
    assert "x" not in said.text[:3]
    await instances.terminate(bench.yard, job.id)


# ------------------------------------------------------------------------------------------------ WIT


class Wit:
    """Reads the part of WIT that our files use."""

    def __init__(self, text: str) -> None:
        self._tokens = re.findall(r"->|[\w:/@.-]*\w|[{}()<>,;=_.]", re.sub(r"//.*", "", text))

    def interfaces(self) -> Iterator[tuple[str, dict[str, tuple[int, Type | None]], set[str]]]:
        """Each with its functions, how many parameters and what result they have, and its own resources."""
        self._expect("package")
        package, _, version = self._next().partition("@")
        self._expect(";")
        while self._tokens:
            self._expect("interface")
            name = f"{package}/{self._next()}" + (f"@{version}" if version else "")
            functions: dict[str, tuple[int, Type | None]] = {}
            resources: set[str] = set()
            self._expect("{")
            while not self._took("}"):
                if self._took("use"):
                    while not self._took(";"):
                        self._next()
                elif self._took("resource"):
                    resource = self._next()
                    resources.add(resource)
                    self._expect("{")
                    while not self._took("}"):
                        self._member(resource, functions)
                else:
                    self._function(functions, "{}")
            yield name, functions, resources

    def _member(self, resource: str, functions: dict[str, tuple[int, Type | None]]) -> None:
        if self._tokens[0] == "constructor":
            self._next()
            functions[f"[constructor]{resource}"] = (self._parameters(), Own(kind_of(resource)))
            self._expect(";")
        else:
            self._function(functions, f"[method]{resource}.{{}}", extra=1)

    def _function(self, functions: dict[str, tuple[int, Type | None]], form: str, *, extra: int = 0) -> None:
        name = self._next().removesuffix(":")
        self._took(":")
        self._expect("func")
        count = self._parameters() + extra
        result = self._type() if self._took("->") else None
        self._expect(";")
        functions[form.format(name)] = (count, result)

    def _parameters(self) -> int:
        self._expect("(")
        count, depth = 0, 0
        while depth or self._tokens[0] != ")":
            token = self._next()
            count += not depth and (token == "," or not count)
            depth += {"<": 1, ">": -1}.get(token, 0)
        self._expect(")")
        return count

    def _type(self) -> Type | None:
        match self._next():
            case "_":
                return None
            case "list":
                element = self._one()
                return BYTES if element == "u8" else ListOf(element)
            case "option":
                return Option(self._one())
            case "result":
                return Result(*self._several()) if self._tokens[0] == "<" else Result()
            case "tuple":
                return Tuple(tuple(self._several()))
            case "u8":
                return "u8"
            case name:
                plain_types = {"string": TEXT, "bool": BOOL, "u32": U32, "u64": U64, "f32": F32}
                return plain_types.get(name) or Own(kind_of(name))

    def _one(self):
        (found,) = self._several()
        return found

    def _several(self):
        self._expect("<")
        found = [self._type()]
        while self._took(","):
            found.append(self._type())
        self._expect(">")
        return found

    def _next(self) -> str:
        return self._tokens.pop(0)

    def _took(self, token: str) -> bool:
        if self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        assert self._next() == token


def kind_of(resource: str) -> ResourceKind:
    return ResourceKind[resource.replace("-", "_").upper()]


WRITTEN = {
    name: (functions, resources)
    for path in sorted(EXAMPLES.glob("wit/deps/*/*.wit"))
    for name, functions, resources in Wit(path.read_text()).interfaces()
}


def ours() -> list[Interface]:
    return [one for one in interfaces().values() if not one.name.startswith("wasi:")]


def test_every_interface_of_ours_is_written_down() -> None:
    assert {one.name for one in ours()} | {"inferlet:core/run", "wasi:io/poll@0.2.4"} == set(WRITTEN)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "inferlet:core/run"])
def test_wit_files_say_what_the_host_offers(name: str) -> None:
    offered = interfaces()[track(name)]
    functions, resources = WRITTEN[name]
    assert {function: result for function, (_, result) in functions.items()} == {
        function: result for function, (_, result) in offered.functions.items()
    }
    assert resources <= set(offered.resources)
    for function, (count, _) in functions.items():
        parameters = inspect.signature(offered.functions[function][0]).parameters.values()
        if all(one.kind is not one.VAR_POSITIONAL for one in parameters):
            assert len(parameters) == count, function


def test_the_way_in_is_the_one_that_is_looked_for() -> None:
    assert WRITTEN["inferlet:core/run"][0] == {"run": (0, Result(None, TEXT))}
    world = (EXAMPLES / "wit" / "exec.wit").read_text()
    imports = set(re.findall(r"import ([\w:/-]+);", world))
    assert imports <= set(WRITTEN)
    assert "export inferlet:core/run;" in world


def test_the_header_declares_what_core_modules_may_import() -> None:
    header = (EXAMPLES / "inferlet.h").read_text()
    declared = {
        name: (len(re.findall(r"\w[^,]*", parameters)) if parameters != "void" else 0, kind != "void")
        for name, kind, parameters in re.findall(
            r'INFERLET\("(\w+)"\)\s+(void|int32_t) inferlet_\w+\(([^)]*)\);', header
        )
    }
    assert declared == {
        name: (len(parameters), result is not None) for name, (parameters, result, _) in plain.FUNCTIONS.items()
    }
