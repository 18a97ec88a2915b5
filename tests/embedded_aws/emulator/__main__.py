"""Run MiniStack and the additions on a socket that the parent process has opened.

The environment, which MiniStack reads while it is imported, is the parent's doing.
"""

import asyncio
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def main(descriptor: int, directory: Path) -> None:
    """Serve until the parent process ends.

    Args:
        descriptor: The file descriptor of the listening socket.
        directory: Where all state is; removed when the parent ends without having done so.
    """
    # A handler that does nothing, unlike a signal that is ignored, is not inherited by the functions.
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from . import (
        access_control,
        activations,
        calls,
        checkpoint,
        control,
        eks_resources,
        event_rules,
        iam_answers,
        iam_resources,
        managed_policies,
        ministack,
        secret_resources,
        secret_rotation,
        service_linked_roles,
        ssm_resources,
        stack_operations,
        waiting,
    )

    # MiniStack runs the start scripts of a container's folders; those that this machine may have are not for it.
    ministack.app._collect_scripts = lambda *_directories: []
    iam_answers.install()
    managed_policies.install()
    service_linked_roles.install()
    iam_resources.install()
    stack_operations.install()
    activations.install()
    secret_rotation.install()
    secret_resources.install()
    ssm_resources.install()
    eks_resources.install()
    event_rules.install()
    access_control.install()
    waiting.install()
    calls.install()
    checkpoint.install()

    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    asyncio.run(_serve_for_ever(serve, control.with_control_paths(ministack.app.app), config))


async def _serve_for_ever(serve: Any, application: Any, config: Any) -> None:
    await serve(application, config, shutdown_trigger=asyncio.Event().wait)


def _end_with_parent(directory: Path) -> None:
    # The pipe closes when the parent ends, however it ends.
    os.read(sys.stdin.fileno(), 1)
    # Functions are children in the same process group. They go first, lest they write into what is being removed.
    os.killpg(os.getpgrp(), signal.SIGTERM)
    shutil.rmtree(directory, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
