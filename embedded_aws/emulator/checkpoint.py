"""The checkpoint that a reset restores, so that tests don't create the same resources again.

The checkpoint contains the data that MiniStack stores by account and Region. It doesn't contain running functions or
files.
"""

import copy
import sys
from typing import Any

from .ministack import app, responses

_STORES = (responses.AccountScopedDict, responses.AccountRegionScopedDict)

# The modules that store the data of services.
_MODULES = ("ministack.services.", f"{__package__}.")

_saved: list[tuple[Any, dict[Any, Any]]] = []


def save() -> None:
    """Save the current state as the checkpoint."""
    _saved.clear()
    for name, module in list(sys.modules.items()):
        if name.startswith(_MODULES):
            for value in list(vars(module).values()):
                if isinstance(value, _STORES) and value._data:
                    _saved.append((value, copy.deepcopy(value._data)))


def forget() -> None:
    """Delete the checkpoint."""
    _saved.clear()


def install() -> None:
    """Restore the checkpoint after each reset of MiniStack."""
    reset_everything = app._reset_all_state

    def reset_to_checkpoint() -> None:
        reset_everything()
        for store, data in _saved:
            store._data.update(copy.deepcopy(data))

    app._reset_all_state = reset_to_checkpoint
