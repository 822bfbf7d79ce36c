"""Conditions of rules: a small language without loops, calls or side effects.

::

    tool == "mail:send" and not (context.amount <= 1000)
    agent in ["agent-1", "agent-2"] or context.tags contains "urgent"
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

MOST_OPERATIONS: Final = 512
LONGEST: Final = 4000
"""Characters of a condition."""

DEEPEST: Final = 50
"""Parentheses and nots within each other."""


class ConditionError(ValueError):
    """A condition can't be read. The text says where and why."""


class EvaluationError(ValueError):
    """A condition has no answer for these facts. The text says why."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKENS: Final = re.compile(
    r"""\s*(?:(?P<number>-?[0-9]+(?:\.[0-9]+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,))"""
)
_ESCAPE: Final = re.compile(r"\\(.)")
_LITERALS: Final = {"true": True, "false": False, "null": None}
_WORDS: Final = {"and", "or", "not", "in", "contains", *_LITERALS}
_ORDER: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)

_Node = tuple[str, *tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read."""

    text: str
    _root: _Node

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition.

        Raises:
            ConditionError: it can't be read.
        """
        if len(text) > LONGEST:
            raise ConditionError(f"has {len(text)} characters; {LONGEST} are the most")
        return cls(text, _Parser(text).whole())

    def holds(self, facts: Mapping[str, object]) -> bool:
        """Whether it is true of these facts.

        Raises:
            EvaluationError: it names a fact that isn't there, compares what can't be compared, or is no yes or no.
        """
        return _truth(_value(self._root, facts), self.text)


class _Parser:
    """Reads by recursive descent: or, and, not, comparison, value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._place = 0
        self._operations = 0
        self._depth = 0

    def whole(self) -> _Node:
        root = self._or()
        if self._peek().kind != "end":
            self._fail("an operator or the end")
        return root

    def _or(self) -> _Node:
        return self._chain("or", self._and)

    def _and(self) -> _Node:
        return self._chain("and", self._not)

    def _chain(self, word: str, read: Callable[[], _Node]) -> _Node:
        parts = [read()]
        while self._take(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else self._node(word, tuple(parts))

    def _not(self) -> _Node:
        if self._take("not"):
            return self._node("not", self._deeper(self._not))
        return self._comparison()

    def _comparison(self) -> _Node:
        left = self._operand()
        sign = self._peek().text
        if sign in {"==", "!=", *_ORDER, "in", "contains"} and self._peek().kind != "text":
            self._place += 1
            return self._node(sign, left, self._operand())
        return left

    def _operand(self) -> _Node:
        token = self._peek()
        self._place += 1
        if token.kind in {"number", "text"} or token.text in _LITERALS:
            return ("literal", _literal(token))
        if token.kind == "name" and token.text not in _WORDS:
            return self._node("fact", tuple(token.text.split(".")))
        if token.text == "(":
            node = self._deeper(self._or)
            self._need(")")
            return node
        if token.text == "[":
            return self._deeper(self._list)
        self._place -= 1
        return self._fail("a value")

    def _list(self) -> _Node:
        items: list[_Node] = []
        while not self._take("]"):
            if items:
                self._need(",")
            items.append(self._operand())
        return self._node("list", tuple(items))

    def _deeper(self, read: Callable[[], _Node]) -> _Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ConditionError(f"has more than {DEEPEST} parentheses or nots within each other")
        node = read()
        self._depth -= 1
        return node

    def _node(self, kind: str, *parts: object) -> _Node:
        self._operations += len(parts[0]) - 1 if kind in {"and", "or"} else 1  # type: ignore[arg-type]
        if self._operations > MOST_OPERATIONS:
            raise ConditionError(f"has more than {MOST_OPERATIONS} operations")
        return (kind, *parts)

    def _peek(self) -> _Token:
        return self._tokens[self._place]

    def _take(self, text: str) -> bool:
        taken = self._peek().text == text and self._peek().kind != "text"
        self._place += taken
        return taken

    def _need(self, text: str) -> None:
        if not self._take(text):
            self._fail(repr(text))

    def _fail(self, wanted: str) -> NoReturn:
        token = self._peek()
        found = "it ends" if token.kind == "end" else f"there is {token.text!r:.50}"
        raise ConditionError(f"at character {token.at + 1} {found} where {wanted} should be")


def _tokens(text: str) -> list[_Token]:
    found, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None:
            raise ConditionError(
                f"at character {at + 1} there is {text[at : at + 20].strip()!r}, which means nothing here"
            )
        assert match.lastgroup is not None
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _literal(token: _Token) -> object:
    if token.kind == "text":
        return _ESCAPE.sub(r"\1", token.text[1:-1])
    if token.kind == "name":
        return _LITERALS[token.text]
    return float(token.text) if "." in token.text else int(token.text)


def _value(node: _Node, facts: Mapping[str, object]) -> object:
    kind, *parts = node
    if kind == "literal":
        return parts[0]
    if kind == "fact":
        return _fact(parts[0], facts)  # type: ignore[arg-type]
    if kind == "list":
        return [_value(each, facts) for each in parts[0]]  # type: ignore[attr-defined]
    if kind == "not":
        return not _truth(_value(parts[0], facts), kind)  # type: ignore[arg-type]
    if kind in {"and", "or"}:
        combined = any if kind == "or" else all
        return combined(_truth(_value(each, facts), kind) for each in parts[0])  # type: ignore[attr-defined]
    left, right = parts
    return _compared(kind, _value(left, facts), _value(right, facts))  # type: ignore[arg-type]


def _compared(sign: str, left: object, right: object) -> bool:
    if sign in {"==", "!="}:
        same = isinstance(left, bool) == isinstance(right, bool) and left == right
        return same is (sign == "==")
    if sign in {"in", "contains"}:
        part, whole = (left, right) if sign == "in" else (right, left)
        if isinstance(whole, str) and isinstance(part, str):
            return part in whole
        if isinstance(whole, list | tuple):
            return any(_compared("==", part, each) for each in whole)
        raise EvaluationError(f"{whole!r:.50} is no list or text that {part!r:.50} could be in")
    both_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (left, right))
    if both_numbers or (isinstance(left, str) and isinstance(right, str)):
        return _ORDER[sign](left, right)  # type: ignore[arg-type]
    raise EvaluationError(f"{left!r:.50} and {right!r:.50} have no order")


def _fact(path: tuple[str, ...], facts: Mapping[str, object]) -> object:
    found: object = facts
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            raise EvaluationError(f"there is no {'.'.join(path)!r}")
        found = found[name]
    return found


def _truth(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise EvaluationError(f"{value!r:.50} is neither true nor false (in {where[:100]!r})")
