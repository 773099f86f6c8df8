"""Compute an expression of numbers, words and lists; nothing else can be done in it."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

LONGEST = 2_000
LARGEST = 1e100
MOST_ITEMS = 10_000
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitXor: operator.pow,  # as Mayo writes powers
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CALLS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "float": float,
    "int": int,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "sum": sum,
    "math.ceil": math.ceil,
    "math.exp": math.exp,
    "math.floor": math.floor,
    "math.log": math.log,
    "math.log2": math.log2,
    "math.sqrt": math.sqrt,
}
WORDS = {"null": None, "true": True, "false": False}


def compute(text: str) -> Any:
    """The value of `+ - * / // % ** ^`, comparisons, `and or not`, `A if B else C`, lists, and
    calls such as `math.sqrt(x)`; bare names are words.

    ValueError for anything else, and for what has no value.
    """
    if len(text) > LONGEST:
        raise ValueError(f"an expression of {len(text):,} characters; {LONGEST:,} is the most")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _value(tree.body)
    except (SyntaxError, MemoryError) as error:
        raise ValueError(f"{text!r} is no expression") from error
    except RecursionError as error:
        raise ValueError("an expression that is nested too deeply") from error
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{text!r} has no value: {error}") from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float, str, type(None))):
            return value
        case ast.Name(id=name):
            return WORDS.get(name, name)
        case ast.List(elts=each) | ast.Tuple(elts=each):
            return [_value(one) for one in each]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](_value(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _binary(op, _value(left), _value(right))
        case ast.BoolOp(op=ast.And(), values=each):
            return all(_value(one) for one in each)
        case ast.BoolOp(values=each):
            return any(_value(one) for one in each)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return _value(body if _value(test) else otherwise)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compared(_value(left), ops, others)
        case ast.Call(func=function, args=arguments, keywords=[]):
            return _called(ast.unparse(function), [_value(one) for one in arguments])
    raise ValueError(f"{ast.unparse(node)!r} is not computed here")


def _binary(op: ast.operator, left: Any, right: Any) -> Any:
    if isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, (str, list)):
        if len(left) + len(right) > MOST_ITEMS:
            raise ValueError("a list or a word that is too long")
        return operator.add(left, right)
    return _of_numbers(op, _number(left), _number(right))


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number")
    return value


def _of_numbers(op: ast.operator, left: float, right: float) -> float:
    if isinstance(op, (ast.Pow, ast.BitXor)) and left:
        size = abs(right) * abs(math.log10(max(abs(left), 1e-300)))
        if size > math.log10(LARGEST):
            raise ValueError("a power that is too large")
    found = BINARY[type(op)](left, right)
    if isinstance(found, complex):
        raise ValueError("the root of a negative number")
    if abs(found) > LARGEST:
        raise ValueError("a number that is too large")
    return found


def _compared(left: Any, ops: list[ast.cmpop], others: list[ast.expr]) -> bool:
    for op, other in zip(ops, others, strict=True):
        if type(op) not in COMPARISONS:
            raise ValueError("only == != < <= > >= compare here")
        right = _value(other)
        if not COMPARISONS[type(op)](left, right):
            return False
        left = right
    return True


def _called(name: str, arguments: list[Any]) -> Any:
    if name not in CALLS:
        raise ValueError(f"no function {name} here; there are {', '.join(sorted(CALLS))}")
    return CALLS[name](*arguments)
