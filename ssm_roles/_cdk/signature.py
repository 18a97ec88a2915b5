"""What ``help()`` shows of the constructor of a construct."""

from __future__ import annotations

import inspect


class ConstructorSignature:
    """The signature of a class, which is that of its constructor without ``self``.

    Without it, ``help()`` shows ``(*args: Any, **kwargs)``, the arguments with which jsii's metaclass calls every
    constructor. The signature is looked up when it is needed, so that subclasses have their own.

    https://docs.python.org/3/library/inspect.html#inspect.signature
    """

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        """Return the signature of the class that is asked for it."""
        signature = inspect.signature(owner.__init__)  # type: ignore[misc]
        _, *parameters = signature.parameters.values()
        return signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
