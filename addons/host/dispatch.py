"""Which addons handle a hook, resolved once per hook name instead of on every event.

mitmproxy walks all of its about forty addons for every event, through a generator, a coroutine and a context manager,
and once more for `update`. Here the walk is done once; a call costs what its handlers cost.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from mitmproxy import exceptions, flow, hooks
from mitmproxy.addonmanager import AddonManager, safecall

# Addons come and go while these run (a script loader loads scripts in `configure`), and they are rare:
# they take mitmproxy's own path, and every one of them forgets what was resolved.
LIFECYCLE = frozenset({"load", "configure", "running", "done"})


class Step(NamedTuple):
    """An addon with a handler; `entry` numbers the top-level addon it hangs under."""

    entry: int
    addon: Any


Steps = tuple[Step, ...]
Waiting = Generator[Awaitable[Any], None, None]

_resolved: WeakKeyDictionary[AddonManager, tuple[list[Any], int, dict[str, Steps | None]]] = WeakKeyDictionary()

register_originally = AddonManager.register
add_originally = AddonManager.add
remove_originally = AddonManager.remove
clear_originally = AddonManager.clear
trigger_originally = AddonManager.trigger
trigger_event_originally = AddonManager.trigger_event
invoke_sync_originally = AddonManager.invoke_addon_sync


def forget(manager: AddonManager) -> None:
    _resolved.pop(manager, None)


def forgetting(change: Callable[..., Any]) -> Callable[..., Any]:
    """The same method, after which hooks are resolved anew."""

    def changed(self: AddonManager, *args: Any) -> Any:
        forget(self)
        try:
            return change(self, *args)
        finally:
            forget(self)

    return changed


def steps_for(manager: AddonManager, event: hooks.Hook) -> Steps | None:
    """The event's handlers in calling order; None where only mitmproxy's own path says what is wrong."""
    chain, length, table = _resolved.get(manager, (None, 0, {}))
    if chain is not manager.chain or length != len(manager.chain):
        table = {}
        _resolved[manager] = (manager.chain, len(manager.chain), table)
    if event.name not in table:
        table[event.name] = _resolve(manager, event)
    return table[event.name]


def _resolve(manager: AddonManager, event: hooks.Hook) -> Steps | None:
    try:
        return tuple(
            Step(entry, addon)
            for entry, top in enumerate(manager.chain)
            for addon, _ in manager._iter_hooks(top, event)
        )
    except exceptions.AddonManagerError:  # a handler that cannot be called
        return None


def walk(steps: Steps, event: hooks.Hook) -> Waiting:
    """Calls the handlers, yielding what has to be awaited. An error skips the rest of its entry, as in `safecall`."""
    args = event.args()
    failed = -1
    for entry, addon in steps:
        if entry == failed:
            continue
        try:
            result = getattr(addon, event.name)(*args)
            if result is not None and inspect.isawaitable(result):
                yield result
        except exceptions.AddonHalt:
            return
        except exceptions.OptionsError:
            raise
        except Exception:
            with safecall():
                raise
            failed = entry


def lifecycle(manager: AddonManager, event: hooks.Hook) -> Waiting:
    """The event, and `update` for its flow if anyone listens to that."""
    steps = steps_for(manager, event)
    if steps is None:
        yield trigger_event_originally(manager, event)
    elif steps:
        yield from walk(steps, event)
    message = event.args()[0]
    if isinstance(message, flow.Flow):
        update = hooks.UpdateHook([message])
        listeners = steps_for(manager, update)
        if listeners is None:
            yield trigger_event_originally(manager, update)
        elif listeners:
            yield from walk(listeners, update)


async def finish(waiting: Waiting, first: Awaitable[Any] | None = None) -> None:
    """Awaits what a walk yields until it is over; `first` is what it has yielded already."""
    try:
        pending = next(waiting) if first is None else first
        while True:
            try:
                await pending
            except BaseException as error:  # noqa: BLE001 - the walk decides, a cancellation comes back out of it
                pending = waiting.throw(error)
            else:
                pending = next(waiting)
    except StopIteration:
        return


async def handle_lifecycle(self: AddonManager, event: hooks.Hook) -> None:
    await finish(lifecycle(self, event))


async def trigger_event(self: AddonManager, event: hooks.Hook) -> None:
    if event.name in LIFECYCLE:
        forget(self)
        await trigger_event_originally(self, event)
        forget(self)
    elif (steps := steps_for(self, event)) is None:
        await trigger_event_originally(self, event)
    elif steps:
        await finish(walk(steps, event))


def trigger(self: AddonManager, event: hooks.Hook) -> None:
    if event.name in LIFECYCLE:
        forget(self)
        trigger_originally(self, event)
        forget(self)
    elif steps_for(self, event) != ():
        trigger_originally(self, event)


def invoke_addon_sync(self: AddonManager, addon: Any, event: hooks.Hook) -> None:
    if event.name in LIFECYCLE:
        forget(self)
    invoke_sync_originally(self, addon, event)


register = forgetting(register_originally)
add = forgetting(add_originally)
remove = forgetting(remove_originally)
clear = forgetting(clear_originally)
