from fractions import Fraction

import pytest

from src.calculator import CalculatorError, evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("42", 42),
        ("2.5", Fraction(5, 2)),
        (".5", Fraction(1, 2)),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("24 / 4 / 2", 3),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("(-2) ^ 2", 4),
        ("2 ^ -1", Fraction(1, 2)),
        ("- - 3", 3),
        ("2 * -3", -6),
        ("  1+1  ", 2),
    ],
)
def test_value(expression, value):
    assert evaluate(expression) == value


def test_fractions_are_exact():
    assert evaluate("0.1 + 0.2") == Fraction(3, 10)
    assert evaluate("1/3 + 1/6") == Fraction(1, 2)


def test_names_stand_for_variables():
    assert evaluate("width * height", {"width": 3, "height": Fraction(1, 2)}) == Fraction(3, 2)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "unexpected end at column 1"),
        ("1 +", "unexpected end at column 4"),
        ("(1 + 2", "unexpected end at column 7"),
        ("1 + 2)", r"unexpected '\)' at column 6"),
        ("2 3", "unexpected '3' at column 3"),
        ("1 + $", r"unexpected '\$' at column 5"),
        ("1 / (2 - 2)", "division by zero at column 5"),
        ("0 ^ -1", "division by zero at column 5"),
        ("4 ^ 0.5", "exponent at column 5 is not a whole number"),
        ("x + 1", "unknown name 'x' at column 1"),
        ("(" * 101 + "1" + ")" * 101, "nested more than 100 deep at column 101"),
    ],
)
def test_an_error_says_where(expression, message):
    with pytest.raises(CalculatorError, match=message):
        evaluate(expression)
