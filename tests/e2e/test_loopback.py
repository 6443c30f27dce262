"""Nothing here can be reached from another machine."""

from __future__ import annotations

import psutil

from e2e.emulator import Ministack
from local.postgres import HOST


def test_the_emulated_aws_and_its_functions_listen_on_the_loopback_interface_alone(emulator: Ministack) -> None:
    family = [emulator.process, *emulator.process.children(recursive=True)]
    listening = {
        connection.laddr.ip
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {HOST}
