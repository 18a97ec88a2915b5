"""Run MiniStack and its extensions on a socket that the parent process opened.

MiniStack reads environment variables when it is imported. The parent process sets them.
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
    """Serve requests until the parent process ends.

    Args:
        descriptor: The file descriptor of the listening socket.
        directory: The folder of all files of the emulator. It is deleted when the parent process ends.
    """
    # Lambda functions would inherit an ignored signal, but they don't inherit a handler.
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from ..response_proxy import ResponseProxy
    from . import (
        access_control,
        account_details,
        activations,
        calls,
        checkpoint,
        condition_functions,
        control,
        denials,
        disabled_regions,
        eks_resources,
        event_rules,
        function_resources,
        handler_permissions,
        iam_answers,
        iam_resources,
        internal_calls,
        managed_nodes,
        managed_policies,
        ministack,
        network_resources,
        node_credentials,
        node_messages,
        parameter_patterns,
        response_urls,
        role_last_use,
        role_names,
        secret_resources,
        secret_rotation,
        service_control_policies,
        service_linked_roles,
        ssm_listings,
        ssm_resources,
        stack_events,
        stack_of_resource,
        stack_operations,
        stack_set_api,
        waiting,
    )

    # MiniStack runs startup scripts from folders of its container image. On this machine, such folders aren't its own.
    ministack.app._collect_scripts = lambda *_directories: []
    iam_answers.install()
    managed_policies.install()
    service_linked_roles.install()
    iam_resources.install()
    role_last_use.install()
    role_names.install()
    account_details.install()
    response_urls.install()
    stack_events.install()
    stack_operations.install()
    stack_set_api.install()
    stack_of_resource.install()
    parameter_patterns.install()
    condition_functions.install()
    internal_calls.install()
    activations.install()
    managed_nodes.install()
    secret_rotation.install()
    secret_resources.install()
    ssm_resources.install()
    ssm_listings.install()
    eks_resources.install()
    network_resources.install()
    function_resources.install()
    event_rules.install()
    handler_permissions.install()
    access_control.install()
    service_control_policies.install()
    denials.install()
    waiting.install()
    node_credentials.install()
    node_messages.install()
    disabled_regions.install()
    calls.install()
    checkpoint.install()

    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    with ResponseProxy(response_urls.receive) as proxy:
        # Lambda functions inherit this environment. MiniStack itself connects only to this machine, over HTTP.
        os.environ.update(https_proxy=proxy.url, SSL_CERT_FILE=proxy.ca_file)
        application = control.with_control_paths(response_urls.with_response_urls(ministack.app.app))
        asyncio.run(_serve_for_ever(serve, application, config))


async def _serve_for_ever(serve: Any, application: Any, config: Any) -> None:
    from . import internal_calls

    internal_calls.use_loop(asyncio.get_running_loop())
    await serve(application, config, shutdown_trigger=asyncio.Event().wait)


def _end_with_parent(directory: Path) -> None:
    # The pipe closes when the parent process ends, regardless of the reason.
    os.read(sys.stdin.fileno(), 1)
    # Lambda functions run in the same process group and write to the folder, so they must end before it is deleted.
    os.killpg(os.getpgrp(), signal.SIGTERM)
    shutil.rmtree(directory, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
