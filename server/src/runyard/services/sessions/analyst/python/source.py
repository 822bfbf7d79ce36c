"""One Python file as its statements have it. The tree is looked at once and let go."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from runyard.services.sessions.analyst.python.calls import Suspicion, suspicions

_VERBS: Final = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket"}
)
_APPLICATIONS: Final = frozenset({"FastAPI", "Flask", "Starlette", "Sanic", "Quart", "Litestar", "Bottle"})


@dataclass(frozen=True, slots=True)
class Import:
    """A module that is asked for; with `name`, that may be a module inside it or a name in it."""

    module: str
    level: int
    name: str
    deferred: bool
    """Not while the module is imported: inside a function, for type checkers only, or when it is run itself."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method."""

    name: str
    line: int
    lines: int
    public: bool
    documented: bool
    annotated: bool


@dataclass(frozen=True, slots=True)
class Application:
    """`name = FastAPI()` and the like."""

    framework: str
    name: str
    line: int


@dataclass(slots=True)
class PythonSource:
    """What its statements say. With `problem`, the file could not be parsed and all else is empty."""

    problem: str = ""
    imports: list[Import] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    classes: int = 0
    public_classes: int = 0
    documented_classes: int = 0
    docstring_lines: int = 0
    """Lines with a part of a docstring and nothing else on them; blank ones don't count."""
    tests: int = 0
    unittest_tests: int = 0
    routes: int = 0
    applications: list[Application] = field(default_factory=list)
    main: int = 0
    """Line of `if __name__ == "__main__"`."""
    exported: tuple[str, ...] | None = None
    """`__all__`, when it is a plain list."""
    names: list[str] = field(default_factory=list)
    """Public names at the top of the module, imported ones included."""
    suspicions: list[Suspicion] = field(default_factory=list)


def parse(text: str, *, limit: int) -> PythonSource:
    """Reads a file's statements. Whatever the text is, this returns."""
    if len(text) > limit:
        return PythonSource(problem=f"longer than {limit:,} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return PythonSource(problem=type(error).__name__)
    found = _Reader(text).read(tree)
    found.suspicions = suspicions(tree, text)
    return found


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a statement stands."""

    prefix: str = ""
    deferred: bool = False
    public: bool = True
    tests: bool = True
    """Whether functions named `test…` here are tests."""
    case: bool = False
    """In a subclass of unittest's TestCase."""
    top: bool = True


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._found = PythonSource()

    def read(self, tree: ast.Module) -> PythonSource:
        self._docstring(tree.body)
        pending: list[tuple[list[ast.stmt], _Scope]] = [(tree.body, _Scope())]
        while pending:
            body, scope = pending.pop()
            for statement in body:
                pending.extend(self._statement(statement, scope))
        return self._found

    def _statement(  # noqa: C901, PLR0911 -- one case per kind of statement
        self, node: ast.stmt, scope: _Scope
    ) -> list[tuple[list[ast.stmt], _Scope]]:
        """Notes one statement; what is inside it comes back with its scope."""
        match node:
            case ast.Expr() | ast.Return() | ast.Pass() | ast.Raise():
                return []
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
                return []
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                if scope.top:
                    self._assignment(node)
                return []
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return [self._function(node, scope)]
            case ast.ClassDef():
                return [self._class(node, scope)]
            case ast.If():
                return self._if(node, scope)
            case ast.Try() | ast.TryStar():
                bodies = [node.body, node.orelse, node.finalbody, *(handler.body for handler in node.handlers)]
            case ast.For() | ast.AsyncFor() | ast.While():
                bodies = [node.body, node.orelse]
            case ast.With() | ast.AsyncWith():
                bodies = [node.body]
            case ast.Match():
                bodies = [case.body for case in node.cases]
            case _:
                return []
        return [(body, scope) for body in bodies]

    def _if(self, node: ast.If, scope: _Scope) -> list[tuple[list[ast.stmt], _Scope]]:
        inside = scope
        match node.test:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                inside = replace(scope, deferred=True)
            case ast.Compare(left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")]) if scope.top:
                self._found.main = self._found.main or node.lineno
                inside = replace(scope, deferred=True)
        return [(node.body, inside), (node.orelse, scope)]

    def _import(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        add = self._found.imports.append
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(Import(alias.name, 0, "", scope.deferred))
        else:
            for alias in node.names:
                add(Import(node.module or "", node.level, alias.name, scope.deferred))
        if scope.top and not scope.deferred:
            self._names(alias.asname or alias.name for alias in node.names if alias.name != "*")

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if "__all__" in names and isinstance(node.value, ast.List | ast.Tuple):
            words = [each.value for each in node.value.elts if isinstance(each, ast.Constant)]
            said = tuple(word for word in words if isinstance(word, str))
            self._found.exported = (self._found.exported or ()) + said if isinstance(node, ast.AugAssign) else said
        self._names(names)
        match node.value:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if names and name in _APPLICATIONS:
                self._found.applications.append(Application(name, names[0], node.lineno))

    def _names(self, names: Iterable[str]) -> None:
        self._found.names.extend(name.split(".")[0] for name in names if not name.startswith("_"))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> tuple[list[ast.stmt], _Scope]:
        name, found = node.name, self._found
        public = scope.public and not name.startswith("_")
        documented = self._docstring(node.body)
        found.functions.append(
            Function(
                f"{scope.prefix}{name}",
                node.lineno,
                (node.end_lineno or node.lineno) - node.lineno + 1,
                public,
                documented,
                node.returns is not None,
            )
        )
        if scope.top and not name.startswith("_"):
            found.names.append(name)
        if scope.tests and name.startswith("test"):
            found.tests += not scope.case
            found.unittest_tests += scope.case
        found.routes += sum(_is_route(decorator) for decorator in node.decorator_list)
        return node.body, _Scope(f"{scope.prefix}{name}.", True, False, False, False, False)

    def _class(self, node: ast.ClassDef, scope: _Scope) -> tuple[list[ast.stmt], _Scope]:
        found, name = self._found, node.name
        public = scope.public and not name.startswith("_")
        found.classes += 1
        found.public_classes += public
        found.documented_classes += self._docstring(node.body) and public
        if scope.top and public:
            found.names.append(name)
        bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
        case = any(base.endswith("TestCase") for base in bases)
        tests = scope.tests and (case or name.startswith("Test"))
        return node.body, _Scope(f"{scope.prefix}{name}.", scope.deferred, public, tests, case, False)

    def _docstring(self, body: list[ast.stmt]) -> bool:
        """Whether a body begins with one; its lines are counted."""
        match body:
            case [ast.Expr(value=ast.Constant(value=str())) as first, *others]:
                end = first.end_lineno or first.lineno
                begin = first.lineno
                if self._lines[begin - 1].encode()[: first.col_offset].strip():
                    begin += 1  # something stands before it
                if others and others[0].lineno == end:
                    end -= 1
                self._found.docstring_lines += sum(1 for line in self._lines[begin - 1 : end] if line.strip())
                return True
        return False


def _is_route(decorator: ast.expr) -> bool:
    """`@app.get("/path")`: a verb of the web, called with a path."""
    match decorator:
        case ast.Call(func=ast.Attribute(attr=verb), args=[ast.Constant(value=str(path)), *_]) if verb in _VERBS:
            return path == "" or path.startswith("/")
    return False
