"""Errors that say where they come from: the path of a construct, or the method of a value class.

In a loop, an error about an argument alone doesn't tell which construct has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

C = TypeVar("C", bound=type)
P = ParamSpec("P")
R = TypeVar("R")

Where = Callable[[Sequence[Any], Mapping[str, Any]], str]
"""Returns what an error begins with, from the arguments of a call."""

# Where the message is kept that an error had at first.
_MESSAGE = "_message_without_place"


@contextmanager
def errors_begin_with(where: Callable[[], str], *, always: bool = False) -> Iterator[None]:
    """Have each ``TypeError`` and each ``ValueError`` begin with where it comes from.

    Args:
        where: Returns where the error comes from.
        always: Whether the place is part of the message. Otherwise, of calls that call each other, only the outermost
            counts: it is the one that the user wrote. Default: ``False``
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        message = getattr(error, _MESSAGE, str(error))
        error.args = (f"{where()}: {message}",)
        setattr(error, _MESSAGE, str(error) if always else message)
        raise


def names_its_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Have the errors of a function begin with its name."""
    return _naming(function, lambda *_: function.__name__)


def methods_name_their_errors(owner: C) -> C:
    """Have the errors of a value class begin with the constructor that raises them."""
    for name, member in list(vars(owner).items()):
        if isinstance(member, staticmethod) and _is_public(name):
            setattr(owner, name, staticmethod(_naming(member.__func__, _name_of(owner, name))))
        elif name == "__init__":
            setattr(owner, name, _naming(member, lambda *_: owner.__name__))
    return owner


class NamesItsErrors:
    """A construct whose errors begin with its path."""

    def __init_subclass__(cls) -> None:
        """Wrap what a class of this library defines; the user's own classes stay as they are."""
        super().__init_subclass__()
        if not cls.__module__.startswith(f"{__package__}."):
            return
        for name, member in list(vars(cls).items()):
            if name == "__init__":
                setattr(cls, name, _naming(member, lambda arguments, named: _new_path(cls, arguments[1:], named)))
            elif isinstance(member, staticmethod) and _is_public(name):
                makes_a_construct = next(iter(signature(member.__func__).parameters), None) == "scope"
                where = _new_path_of(cls) if makes_a_construct else _name_of(cls, name)
                setattr(cls, name, staticmethod(_naming(member.__func__, where)))
            elif isinstance(member, FunctionType) and _is_public(name):
                setattr(cls, name, _naming(member, lambda arguments, _: _path(arguments[0])))
            elif isinstance(member, property) and _is_public(name) and member.fget is not None:
                setattr(cls, name, property(_naming(member.fget, lambda arguments, _: _path(arguments[0]))))


def _naming(function: Callable[P, R], where: Where) -> Callable[P, R]:
    @wraps(function)
    def naming(*args: P.args, **kwargs: P.kwargs) -> R:
        with errors_begin_with(lambda: where(args, kwargs)):
            return function(*args, **kwargs)

    return naming


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _name_of(owner: type, name: str) -> Where:
    return lambda *_: f"{owner.__name__}.{name}"


def _path(construct: Any) -> str:  # noqa: ANN401
    return str(construct.node.path)


def _new_path_of(owner: type) -> Where:
    return lambda arguments, named: _new_path(owner, arguments, named)


def _new_path(owner: type, arguments: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return the path that a new construct would have, or the name of its class if its scope or its ID is wrong."""
    given = [*arguments[:2], *(named[name] for name in ("scope", "id")[len(arguments[:2]) :] if name in named)]
    try:
        path = getattr(getattr(given[0], "node", None), "path", None) if len(given) == 2 else None
    except RuntimeError:
        # The object that represents an AWS managed policy has a construct's type, but no place in the tree.
        path = None
    if not isinstance(path, str) or not isinstance(given[1], str) or not given[1] or "${" in given[1]:
        return owner.__name__
    return f"{path}/{given[1]}" if path else given[1]
