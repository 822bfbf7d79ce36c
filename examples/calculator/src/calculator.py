"""Evaluate arithmetic exactly: `evaluate("1/3 + 1/6")` is `Fraction(1, 2)`.

The grammar, loosest first; `^` binds tighter than a sign before it and groups to the right:

    sum     = product (("+" | "-") product)*
    product = signed (("*" | "/") signed)*
    signed  = ("+" | "-") signed | power
    power   = atom ("^" signed)?
    atom    = number | name | "(" sum ")"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<symbol>[-+*/^()]))")
LARGEST_EXPONENT = 10_000
DEEPEST_NESTING = 100


class CalculatorError(ValueError):
    """The expression has no value; the message says why and where."""


def evaluate(expression: str, variables: Mapping[str, Fraction | int] | None = None) -> Fraction:
    """The value of an expression, in which names stand for `variables`."""
    return _Parser(expression, variables or {}).parse()


class _Parser:
    def __init__(self, expression: str, variables: Mapping[str, Fraction | int]) -> None:
        self.tokens = _tokens(expression)
        self.variables = variables
        self.position = 0
        self.depth = 0

    def parse(self) -> Fraction:
        value = self.sum()
        if self.kind != "end":
            raise self.unexpected()
        return value

    def sum(self) -> Fraction:
        value = self.product()
        while operator := self.take("+", "-"):
            operand = self.product()
            value = value + operand if operator == "+" else value - operand
        return value

    def product(self) -> Fraction:
        value = self.signed()
        while operator := self.take("*", "/"):
            column = self.column
            operand = self.signed()
            if operator == "*":
                value *= operand
            elif operand:
                value /= operand
            else:
                raise CalculatorError(f"division by zero at column {column}")
        return value

    def signed(self) -> Fraction:
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise CalculatorError(f"nested more than {DEEPEST_NESTING} deep at column {self.column}")
        sign = self.take("+", "-")
        value = self.signed() if sign else self.power()
        self.depth -= 1
        return -value if sign == "-" else value

    def power(self) -> Fraction:
        base = self.atom()
        if not self.take("^"):
            return base
        column = self.column
        exponent = self.signed()
        if exponent.denominator != 1 or abs(exponent) > LARGEST_EXPONENT:
            raise CalculatorError(f"the exponent at column {column} is not a whole number up to {LARGEST_EXPONENT}")
        if not base and exponent < 0:
            raise CalculatorError(f"division by zero at column {column}")
        return base ** int(exponent)

    def atom(self) -> Fraction:
        kind, text, column = self.tokens[self.position]
        if kind == "number":
            self.position += 1
            return Fraction(text)
        if kind == "name":
            self.position += 1
            if text not in self.variables:
                raise CalculatorError(f"unknown name {text!r} at column {column}")
            return Fraction(self.variables[text])
        if not self.take("("):
            raise self.unexpected()
        value = self.sum()
        if not self.take(")"):
            raise self.unexpected()
        return value

    def take(self, *symbols: str) -> str:
        """The next token if it is one of `symbols`, else an empty string."""
        kind, text, _ = self.tokens[self.position]
        if kind != "symbol" or text not in symbols:
            return ""
        self.position += 1
        return text

    @property
    def kind(self) -> str:
        return self.tokens[self.position][0]

    @property
    def column(self) -> int:
        return self.tokens[self.position][2]

    def unexpected(self) -> CalculatorError:
        kind, text, column = self.tokens[self.position]
        what = "end" if kind == "end" else repr(text)
        return CalculatorError(f"unexpected {what} at column {column}")


def _tokens(expression: str) -> list[tuple[str, str, int]]:
    """Kind, text and column (from 1) of each token, and one of kind `end`."""
    tokens = []
    position, end = 0, len(expression.rstrip())
    while position < end:
        match = TOKEN.match(expression, position)
        if match is None:
            column = position + len(expression[position:]) - len(expression[position:].lstrip())
            raise CalculatorError(f"unexpected {expression[column]!r} at column {column + 1}")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return [*tokens, ("end", "", end + 1)]
