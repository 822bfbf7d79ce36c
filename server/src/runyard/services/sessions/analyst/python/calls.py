"""Calls in Python that are known to go wrong when strangers have a say in their arguments."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A call and why it deserves a look."""

    kind: str
    line: int
    severity: Severity


_WORTH_A_WALK: Final = (
    "eval(", "exec(", "os.system", "os.popen", "pickle.load", "dill.load", "marshal.load", "shelve.open", "mktemp(",
    "extractall", "unpack_archive", "yaml.load", "shell=True", "verify=False", "debug=True", "autoescape=False",
    "_create_unverified_context", "shell = True", "verify = False",
)  # fmt: skip
"""Words one of which is in a file with anything to find, as people write it; finding none is far faster than a walk."""
_BUILT: Final = re.compile(r"\.execute\w{0,6}\(\s*(?:[rR]?[fF][\"']|[^\n]{1,300}[\"']\s*(?:%|\+|\.format\b))")
_BY_NAME: Final[dict[str, tuple[str, Severity]]] = {
    "eval": ("eval() of an expression", "high"),
    "exec": ("exec() of code", "high"),
    "os.system": ("os.system() goes through a shell", "high"),
    "os.popen": ("os.popen() goes through a shell", "high"),
    "pickle.load": ("pickle can run code of whoever wrote the data", "medium"),
    "pickle.loads": ("pickle can run code of whoever wrote the data", "medium"),
    "dill.loads": ("dill can run code of whoever wrote the data", "medium"),
    "marshal.loads": ("marshal trusts its data", "medium"),
    "shelve.open": ("shelve uses pickle", "low"),
    "tempfile.mktemp": ("tempfile.mktemp() can be raced", "medium"),
    "ssl._create_unverified_context": ("TLS certificates are not verified", "high"),
}
_DATABASE: Final = frozenset({"execute", "executemany", "executescript"})


def suspicions(tree: ast.Module, text: str) -> list[Suspicion]:
    """Calls worth a look, in the order of their lines. Most files have none and are not walked."""
    if not any(words in text for words in _WORTH_A_WALK) and not (".execute" in text and _BUILT.search(text)):
        return []
    found = [
        Suspicion(kind, node.lineno, severity)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for kind, severity in _of(node)
    ]
    return sorted(found, key=lambda each: each.line)


def _of(call: ast.Call) -> list[tuple[str, Severity]]:
    name = _dotted(call.func)
    if name in _BY_NAME:
        constant = name in {"eval", "exec"} and bool(call.args) and isinstance(call.args[0], ast.Constant)
        return [] if constant else [_BY_NAME[name]]
    found: list[tuple[str, Severity]] = []
    keywords = {word.arg: word.value for word in call.keywords}
    if name == "yaml.load" and not _names_safe_loader(call, keywords):
        found.append(("yaml.load() without a safe loader", "high"))
    if _is(keywords.get("shell"), True):
        found.append(("a subprocess goes through a shell", "medium"))
    if _is(keywords.get("verify"), False):
        found.append(("TLS certificates are not verified", "high"))
    if _is(keywords.get("debug"), True) and name.endswith((".run", "Flask")):
        found.append(("a web server in debug mode", "medium"))
    if _is(keywords.get("autoescape"), False):
        found.append(("templates without escaping", "medium"))
    if name.endswith((".extractall", "unpack_archive")) and "filter" not in keywords:
        found.append(("an archive is unpacked without a filter", "low"))
    if isinstance(call.func, ast.Attribute) and call.func.attr in _DATABASE and call.args and _is_built(call.args[0]):
        found.append(("a statement for a database is put together from strings", "medium"))
    return found


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _names_safe_loader(call: ast.Call, keywords: dict[str | None, ast.expr]) -> bool:
    loader = keywords.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
    return loader is not None and "Safe" in _dotted(loader)


def _is_built(node: ast.expr) -> bool:
    """An f-string with values in it, `%`, `+` or `.format()` on text."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.FormattedValue) for value in values)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Add()):
            return isinstance(left, ast.Constant | ast.JoinedStr | ast.BinOp)
        case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="format")):
            return True
    return False
