"""A Redis of the test's own, on a free port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from redis import Redis


class RedisServer:
    def __init__(self, folder: Path, password: str = "") -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed")
        self._folder = folder
        self._password = password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(self, *raised: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return self.url_with(self._password)

    def url_with(self, password: str) -> str:
        return f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        """For the test to look into it, or to write what does not belong there."""
        return Redis.from_url(self.url, protocol=2)

    def start(self) -> None:
        """Without anything of an earlier run."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        command += ["--requirepass", self._password] if self._password else []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout
        said = iter(self._process.stdout.readline, b"")
        if not any(b"Ready to accept connections" in line for line in said):
            self.kill()
            raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        assert self._process
        assert self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def freeze(self) -> None:
        """It listens and takes connections, and never says a word."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def everything(self) -> str:
        """All that is in it, keys and values."""
        client = self.client
        return "\n".join(f"{key!r} {_value(client, key)!r}" for key in client.scan_iter())


def _value(client: Redis, key: bytes) -> object:
    match client.type(key):
        case b"stream":
            return client.xrange(key)
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case _:
            return client.get(key)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
