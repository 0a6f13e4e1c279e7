"""Starting what is measured, each in a process of its own, and reading its CPU time and memory."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mitmproxy.net.free_port import get_free_port

from scripts.bench.client import BenchError
from scripts.bench.requests import CLIENT_KEY

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
_START_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    port: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU time that this process alone has used: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory(self) -> int:
        """Resident bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def upstream() -> Iterator[int]:
    """The port of a provider."""
    port = get_free_port()
    with _started([sys.executable, "-m", "scripts.bench.upstream", str(port)], port, ROOT):
        yield port


@contextmanager
def bare(upstream_port: int, folder: Path) -> Iterator[Running]:
    """mitmdump without a script."""
    port = get_free_port()
    mode = f"reverse:http://127.0.0.1:{upstream_port}@127.0.0.1:{port}"
    with _started([str(BIN / "mitmdump"), "-q", "--mode", mode, "--set", "stream_large_bodies=1"], port, folder) as pid:
        yield Running(pid, port)


@contextmanager
def parley(upstream_port: int, folder: Path) -> Iterator[Running]:
    """`parley serve` with two backends, both at `upstream_port`: chat, which is the default, and claude."""
    port = get_free_port()
    address = {"base_url": f"http://127.0.0.1:{upstream_port}", "api_key": "bench-backend-key", "models": ["bench"]}
    configuration = folder / "bench.json"
    backends = {"chat": address, "claude": {**address, "protocol": "anthropic"}}
    configuration.write_text(json.dumps({"settings": {"default_backend": "chat"}, "backends": backends}))
    flags = ["--port", str(port), "--config", str(configuration), "--set", f"http_proxy_port={get_free_port()}"]
    with _started([str(BIN / "parley"), "serve", *flags], port, folder) as pid:
        yield Running(pid, port)


@contextmanager
def _started(command: Sequence[str], port: int, folder: Path) -> Iterator[int]:
    """The process's id, once it listens. Nothing of the user's environment, home or .env reaches it."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "PYTHONHASHSEED": "0",
        "LLM_INTERACTIVE_PROXY_API_KEY": CLIENT_KEY,
    }
    with open(folder / f"output-{port}", "w+b") if folder != ROOT else open(os.devnull, "w+b") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            if not _listens(process, port):
                output.seek(0)
                raise BenchError(f"{command[0]} did not start: {output.read().decode(errors='replace')[-2000:]}")
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def allow_many_connections() -> None:
    """Two descriptors per stream in the proxy; the usual limit of 1024 is met by 500 streams."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))
