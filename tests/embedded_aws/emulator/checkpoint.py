"""A state to which a reset returns, so that what every test starts from need not be made for every test.

It holds what MiniStack keeps by account and Region. Functions that run, and files on disk, are no part of it.
"""

import copy
import sys
from typing import Any

from .ministack import app, responses

_STORES = (responses.AccountScopedDict, responses.AccountRegionScopedDict)

# Where services keep what they have: in MiniStack, and here.
_MODULES = ("ministack.services.", f"{__package__}.")

_saved: list[tuple[Any, dict[Any, Any]]] = []


def save() -> None:
    """Make the present state the one to which a reset returns."""
    _saved.clear()
    for name, module in list(sys.modules.items()):
        if name.startswith(_MODULES):
            for value in list(vars(module).values()):
                if isinstance(value, _STORES) and value._data:
                    _saved.append((value, copy.deepcopy(value._data)))


def forget() -> None:
    """Let a reset return to the empty state again."""
    _saved.clear()


def install() -> None:
    """Let MiniStack's reset end at the saved state."""
    reset_everything = app._reset_all_state

    def reset_to_checkpoint() -> None:
        reset_everything()
        for store, data in _saved:
            store._data.update(copy.deepcopy(data))

    app._reset_all_state = reset_to_checkpoint
