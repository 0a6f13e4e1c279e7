"""`parley run -- COMMAND`: an unmodified program whose requests go through the proxy."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import certifi
from mitmproxy import certs, options
from mitmproxy.net.free_port import get_free_port
from mitmproxy.options import CONF_BASENAME, CONF_DIR

from proxy_core.config.load import load_settings
from proxy_core.config.problems import ConfigError
from proxy_core.config.settings import Settings

_START_SECONDS = 30.0
_BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",  # OpenSSL, Go, Rust's native-certs, httpx
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "CODEX_CA_CERTIFICATE",
    "AWS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "DENO_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)


def run(command: Sequence[str], given: Mapping[str, Any], flags: Sequence[str]) -> int:
    """The command's exit code; 127 when there is no such command, 1 when the proxy cannot be started."""
    try:
        settings = load_settings(given, os.environ, Path.cwd())
    except ConfigError as error:
        print(f"parley run: the configuration is wrong:\n{error}", file=sys.stderr)
        return 1
    if shutil.which(command[0]) is None:
        print(f"parley run: there is no command {command[0]!r}.", file=sys.stderr)
        return 127
    if settings.proxy_port == 0:  # any free one: chosen here, since the command has to know it
        settings = replace(settings, proxy_port=get_free_port())
        flags = [*flags, "--set", f"http_proxy_port={settings.proxy_port}"]
    with _proxy(settings, flags) as is_listening:
        if not is_listening:
            return 1
        return _call(command, environment(settings, os.environ, _confdir(flags)))


def _call(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ctrl-C is the command's business; we wait for it."""
    process = subprocess.Popen(command, env=environ)
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
    return code if code >= 0 else 128 - code


@contextmanager
def _proxy(settings: Settings, flags: Sequence[str]) -> Iterator[bool]:
    """The proxy that already listens, or one of our own for as long as the command runs."""
    address = (_reachable(settings.proxy_host), settings.proxy_port)
    if _listens(address):
        yield True
        return
    with tempfile.TemporaryFile() as output:
        process = _start(flags, output)
        try:
            yield _wait_until_listening(process, address, output)
        finally:
            process.terminate()
            process.wait()


def _start(flags: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C in the terminal does not end it before the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.launcher", "serve", *flags],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait_until_listening(process: subprocess.Popen[bytes], address: tuple[str, int], output: IO[bytes]) -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _listens(address):
            return True
        time.sleep(0.05)
    output.seek(0)
    said = output.read().decode(errors="replace").rstrip()
    print(f"parley run: the proxy did not start on {address[0]}:{address[1]}.\n{said}", file=sys.stderr)
    return False


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True


def _reachable(host: str) -> str:
    """Where a listener on every address is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def environment(settings: Settings, environ: Mapping[str, str], confdir: Path) -> dict[str, str]:
    """`environ` with the proxy and its CA as Node, Python, Rust, Go and curl programs look for them."""
    ca = certificate(confdir)
    bundle = write_bundle(ca, environ.get("SSL_CERT_FILE"), confdir / "parley-ca-bundle.pem")
    host = _reachable(settings.proxy_host)
    proxy = f"http://{f'[{host}]' if ':' in host else host}:{settings.proxy_port}"
    without = ",".join(filter(None, ["localhost,127.0.0.1,::1", environ.get("NO_PROXY") or environ.get("no_proxy")]))
    proxies = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": without}
    return {
        **environ,
        **proxies,
        **{name.upper(): value for name, value in proxies.items()},
        **dict.fromkeys(_BUNDLE_VARIABLES, str(bundle)),
        "NODE_EXTRA_CA_CERTS": str(ca),
        "NODE_USE_ENV_PROXY": "1",  # https://nodejs.org/api/cli.html#node_use_env_proxy1
    }


def _confdir(flags: Sequence[str]) -> Path:
    """Where mitmproxy keeps its CA; `--set confdir=FOLDER` among the flags changes it."""
    named = [flag.removeprefix("confdir=") for flag in flags if flag.startswith("confdir=")]
    return Path(named[-1] if named else CONF_DIR).expanduser()


def certificate(confdir: Path) -> Path:
    """mitmproxy's CA certificate, made now if the proxy has never run."""
    certs.CertStore.from_store(confdir, CONF_BASENAME, options.KEY_SIZE)
    return confdir / f"{CONF_BASENAME}-ca-cert.pem"


def write_bundle(ca: Path, named: str | None, to: Path) -> Path:
    """The system's CAs, or those SSL_CERT_FILE named, and ours behind them."""
    system = ssl.get_default_verify_paths().cafile or certifi.where()
    trusted = Path(named) if named and Path(named) != to and Path(named).is_file() else Path(system)
    part = to.with_suffix(f".{os.getpid()}")  # a program may be reading the bundle
    part.write_bytes(trusted.read_bytes().rstrip() + b"\n" + ca.read_bytes())
    part.replace(to)
    return to
