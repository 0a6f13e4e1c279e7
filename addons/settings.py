"""Parley's options as mitmproxy options, the Settings made of them, and what mitmproxy itself is told."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

from mitmproxy import command, ctx, exceptions, optmanager
from mitmproxy.addonmanager import Loader
from mitmproxy.net.free_port import get_free_port
from mitmproxy.net.server_spec import parse as parse_server
from mitmproxy.proxy import mode_specs
from mitmproxy.proxy.mode_servers import ServerInstance

from addons import greeting
from addons.listeners import Listeners, proxyserver, report_failed_loading
from addons.logs import TERMINAL_LEVELS, LogFile, show_at_once, silence
from proxy_core.config.addresses import Address, clash
from proxy_core.config.load import FILE_NAME, ROOT, load_settings
from proxy_core.config.options import BY_NAME, OPTIONS, Option
from proxy_core.config.problems import ConfigError, Problem
from proxy_core.config.settings import Settings
from proxy_core.config.values import is_loopback
from proxy_core.config.watch import FileWatch

logger = logging.getLogger("parley")

UNCLAIMED = "http://parley.invalid"
"""Where the base-URL listener points when the user named no target: nothing is ever sent there."""


_AT_START = ("host", "port", "proxy_host", "proxy_port", "database_url", "redis_url", "record", "replay")
"""What cannot change while running."""
_READ_FILES = (FILE_NAME, "config.json", ".env")
_WEB_COLUMNS = ("icon", "path", "comment", "method", "status", "size", "time")
"""mitmweb's own and the comment, which says what became of a request."""
_LOOKS_APART = 1.0
"""Seconds between two looks at the files."""


class SettingsAddon:
    """`settings` is there from `configure` on. `on_loaded` is called with it each time it was read.

    The files are watched: what is changed in them by hand is taken over, or refused with the reason in the log.
    """

    settings: Settings

    def __init__(
        self,
        on_loaded: Sequence[Callable[[Settings], None]] = (),
        environ: Mapping[str, str] = os.environ,
        cwd: Path | None = None,
    ) -> None:
        self.on_loaded = list(on_loaded)
        self._environ = environ
        self._cwd = cwd or Path.cwd()
        self._loaded = False
        self._refused = False
        self._hiding = False
        self._hidden: dict[str, str] = {}
        self._watch: FileWatch | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ours: set[str] = set()
        self._allowed_by_user: list[str] = []
        self._listeners = Listeners()
        self._log_file = LogFile()

    def load(self, loader: Loader) -> None:
        show_at_once()
        report_failed_loading()
        if _is_default("mode"):
            self._listeners.hold()
        _keep_last_values()
        for option in OPTIONS:
            # All are text: a value that mitmproxy itself finds wrong ends the loading of addons without a word.
            loader.add_option(option.name, Optional[str], None, _help(option))  # type: ignore[arg-type]  # noqa: UP045

    def configure(self, updated: set[str]) -> None:
        if self._hiding or self._refused or (self._loaded and not updated & BY_NAME.keys()):
            return
        try:
            self._read()
        except ConfigError as error:
            if self._loaded:
                raise exceptions.OptionsError(str(error)) from error
            self._refuse(error)

    async def running(self) -> None:
        if not self._loaded:
            return
        servers = await self._listeners.open()
        if failed := [server for server in servers if not server.is_running]:
            logger.error(_cannot_listen(failed))
            return
        _warn_of_unknown_options()
        greeting.show(self.settings, servers)
        if self.settings.log.level == "NONE":
            silence()
        self._watching = asyncio.create_task(self._look_again_and_again())

    @command.command(greeting.COMMAND)
    def welcome(self) -> Sequence[str]:
        """Show what the start shows: addresses, backends, the clients' key."""
        return list(greeting.lines(self.settings, list(proxyserver().servers)))

    def done(self) -> None:
        if self._watching:
            self._watching.cancel()
        self._log_file.close()

    def reload(self) -> None:
        """Reads everything anew and puts it in force. Raises ConfigError when it is wrong, the old being kept."""
        before = self.settings
        if self._watch:
            self._watch.accept()
        self._read()
        late = [name for name in _AT_START if getattr(before, name) != getattr(self.settings, name)]
        if late:
            logger.warning("Changed, but in force only after a new start: %s", ", ".join(late))

    def look(self) -> None:
        """Takes over what was changed in the files by hand."""
        if self._watch is None or not self._watch.changed():
            return
        try:
            self.reload()
        except ConfigError as error:
            logger.error("The settings were changed, but stay as they were, since something is wrong:\n%s", error)
        else:
            logger.info("The changed settings are in force.")

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(_LOOKS_APART)
            self.look()

    def _read(self) -> None:
        self._hide_secrets()
        settings = self._with_lasting_key(load_settings(self._given(), self._environ, self._cwd))
        if not self._loaded:
            _check_ports(settings)
        _check_exposure(settings)
        _check_certificates(self._environ.get("SSL_CERT_FILE"))
        self._open_log(settings)
        first, self.settings, self._loaded = not self._loaded, settings, True
        self._watch_over(settings)
        self._tell_mitmproxy(settings, first)
        for callback in self.on_loaded:
            callback(settings)

    def _watch_over(self, settings: Settings) -> None:
        named = [settings.config_file] if settings.config_file else []
        paths = tuple(dict.fromkeys([*named, *(self._cwd / name for name in _READ_FILES), ROOT / FILE_NAME]))
        if self._watch is None or self._watch.paths != paths:
            self._watch = FileWatch(paths)

    def _open_log(self, settings: Settings) -> None:
        if self._loaded and settings.log == self.settings.log:
            return
        try:
            self._log_file.write_to(settings.log)
        except OSError as error:
            raise ConfigError([_cannot_log(error, settings)]) from error

    def _refuse(self, error: ConfigError) -> None:
        """An error in the log before `running` ends mitmproxy with exit code 1."""
        self._refused = True
        self._listeners.hold()
        logger.error(
            "Parley cannot start; %d problem%s:\n%s", len(error.problems), "s"[: len(error.problems) > 1], error
        )

    def _given(self) -> dict[str, Any]:
        named = {option.name: _given_value(option) for option in OPTIONS}
        return {**{name: value for name, value in named.items() if value is not None}, **self._hidden}

    def _hide_secrets(self) -> None:
        """mitmweb shows every option: secrets given by --set are taken out of the options."""
        given = {option.name: getattr(ctx.options, option.name) for option in OPTIONS if option.secret}
        found = {name: value for name, value in given.items() if value}
        if found:
            self._hidden |= found
            self._hiding = True
            try:
                ctx.options.update(**dict.fromkeys(found))
            finally:
                self._hiding = False

    def _with_lasting_key(self, settings: Settings) -> Settings:
        """A key that was made at start stays the same until the end."""
        if settings.client_key_generated and self._loaded and self.settings.client_key_generated:
            return replace(settings, client_key=self.settings.client_key)
        return settings

    def _tell_mitmproxy(self, settings: Settings, first: bool) -> None:
        """What the user set is left alone. Listeners and their like are settled once and for all."""
        wanted: dict[str, Any] = {
            "termlog_verbosity": "error" if settings.log.file else TERMINAL_LEVELS[settings.log.level],
        }
        if first:
            wanted |= self._lasting(settings)
            self._ours = {name for name in wanted if _is_default(name)}
            self._allowed_by_user = list(ctx.options.allow_hosts)
        wanted = {name: value for name, value in wanted.items() if name in self._ours}
        wanted |= _allowed_hosts(settings, wanted.get("mode", ctx.options.mode), self._allowed_by_user)
        ctx.options.update(**wanted)

    def _lasting(self, settings: Settings) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "connection_strategy": "lazy",
            "flow_detail": 0,
            # Streamed bodies are kept where someone can look at them (mitmweb, the console, a recording).
            "store_streamed_bodies": ctx.master.addons.get("view") is not None or settings.record is not None,
        }
        if "web_columns" in ctx.options:
            wanted["web_columns"] = list(_WEB_COLUMNS)
        if certificates := self._environ.get("SSL_CERT_FILE"):
            wanted["ssl_verify_upstream_trusted_ca"] = certificates
        if _is_default("mode"):
            wanted["mode"] = _modes(settings)
            wanted["keep_host_header"] = True  # requests show, and are checked by, the name they were sent to
            wanted["showhost"] = True  # in the console too
        return wanted


def _keep_last_values() -> None:
    """`--port 1 --set port=2`: the last one counts; mitmproxy takes none."""
    for option in OPTIONS:
        waiting = ctx.options.deferred.get(option.name)
        if isinstance(waiting, optmanager._UnconvertedStrings):
            del waiting.val[:-1]


def _help(option: Option) -> str:
    return f"{option.help[0].upper()}{option.help[1:]}. Environment: {option.env}."


def _given_value(option: Option) -> Any:
    """None when not given. `--set disable_auth` without a value switches it on."""
    value = ctx.options._options[option.name].value
    if value is optmanager.unset:
        return None
    return True if value is None and option.kind == "switch" else value


def _is_default(name: str) -> bool:
    """Whether the user left a mitmproxy option alone; even one set to its default is obeyed."""
    return name in ctx.options and ctx.options._options[name].value is optmanager.unset


def _modes(settings: Settings) -> list[str]:
    """--listen-host and --listen-port are mitmproxy's words for the HTTP proxy's address."""
    proxy_host, proxy_port = _http_proxy(settings)
    return [
        f"reverse:{UNCLAIMED}@{settings.host}:{settings.port or get_free_port()}",
        f"regular@{proxy_host}:{proxy_port or get_free_port()}",
    ]


def _http_proxy(settings: Settings) -> Address:
    port = ctx.options.listen_port
    return ctx.options.listen_host or settings.proxy_host, settings.proxy_port if port is None else port


def _allowed_hosts(settings: Settings, modes: Sequence[str], by_user: Sequence[str]) -> dict[str, list[str]]:
    """Only these hosts' TLS is opened. mitmproxy asks the same of reverse targets, so they are named too."""
    if ctx.options.ignore_hosts:
        return {}
    hosts = by_user or [_host_pattern(host) for host in settings.intercept_hosts]
    targets = [re.escape(address) + ":" for address in _reverse_hosts(modes)]
    return {"allow_hosts": [*hosts, *(f"^{target}" for target in targets)]}


def _host_pattern(host: str) -> str:
    """`*.example.com:*` as mitmproxy's regular expression over `host:port`."""
    name, _, port = host.rpartition(":")
    name = re.escape(name).replace(r"\*\.", r"([^:]+\.)?")
    return rf"^{name}:{r'\d+' if port == '*' else port}$"


def _reverse_hosts(modes: Sequence[str]) -> list[str]:
    specs = [mode_specs.ProxyMode.parse(mode) for mode in modes]
    return [parse_server(spec.data, "https")[1][0] for spec in specs if isinstance(spec, mode_specs.ReverseMode)]


def _check_ports(settings: Settings) -> None:
    problem = clash((settings.host, settings.port), _http_proxy(settings)) if _is_default("mode") else None
    if problem:
        raise ConfigError([problem])


def _check_exposure(settings: Settings) -> None:
    """An explicit --mode may listen where --host does not."""
    if not settings.auth_disabled:
        return
    for mode in map(mode_specs.ProxyMode.parse, _modes(settings) if _is_default("mode") else ctx.options.mode):
        host = mode.listen_host(ctx.options.listen_host)
        if not is_loopback(host):
            reason = f"would let anyone in who reaches --mode {mode.full_spec} ({host or 'every address'})."
            raise ConfigError(
                [Problem("--disable-auth", reason, f"Write {mode.full_spec.partition('@')[0]}@127.0.0.1:PORT.")]
            )


def _check_certificates(path: str | None) -> None:
    if path and not Path(path).is_file():
        problem = Problem(
            "SSL_CERT_FILE", f"{path!r} is no file.", "Name a PEM file with the CAs to trust, or unset it."
        )
        raise ConfigError([problem])


def _cannot_log(error: OSError, settings: Settings) -> Problem:
    reason = f"cannot be written: {error.strerror}."
    return Problem("--log", reason, "Name a file in a folder that you may write to.", settings.sources["log"])


def _cannot_listen(failed: Sequence[ServerInstance]) -> str:
    reasons = "\n".join(str(server.last_exception) for server in failed)
    return (
        f"Parley cannot start:\n{reasons}\nStop what uses the address, or choose others: "
        "PROXY_PORT (--port) for base-URL clients, --set http_proxy_port=PORT for HTTP_PROXY clients."
    )


def _warn_of_unknown_options() -> None:
    for name in ctx.options.deferred:
        logger.warning("There is no option %r; --set %s=… has no effect.", name, name)
