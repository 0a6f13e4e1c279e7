"""What tokens cost. addons.yaml knows best, then the aggregator's own list, then the public price lists that the
package genai-prices holds (nothing is fetched). What none of them knows is unknown, never free."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

from proxy_core.config.schema import ModelEntry
from proxy_core.routing.aggregator import AGGREGATOR, Price
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.reply import BILLED_NOTE, Usage
from proxy_core.usage.record import Cost

_MILLION = 1_000_000
_PROVIDER_OF_DIALECT = {
    "openai": "openai",
    "azure": "azure",
    "openrouter": "openrouter",
    "anthropic": "anthropic",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "x-ai",
    "together": "together",
    "fireworks": "fireworks",
    "perplexity": "perplexity",
    "moonshot": "moonshotai",
    "zai": "zai",
    "cohere": "cohere",
}
"""The names genai-prices has for them, for backends whose address it does not know."""
_VARIANTS = ("service_tier", "speed")
"""Fields of a provider's usage that say at which of its prices it was served."""


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per million tokens, `request` for each request. None: not known; what is cached then costs as other
    input does."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    request: float = 0.0

    def cost(self, usage: Usage) -> float | None:
        cache_read = self.input if self.cache_read is None else self.cache_read
        cache_write = self.input if self.cache_write is None else self.cache_write
        cache_write_1h = cache_write if self.cache_write_1h is None else self.cache_write_1h
        terms = (
            (usage.input, self.input),
            (usage.cache_read, cache_read),
            (usage.cache_write_5m, cache_write),
            (usage.cache_write_1h, cache_write_1h),
            (usage.output, self.output),
        )
        total = 0.0
        for count, rate in terms:
            if count:
                if rate is None:
                    return None
                total += count * rate
        return total / _MILLION + self.request


@dataclass(frozen=True, slots=True)
class Prices:
    """`entry` gives what addons.yaml says about a backend's model, `listed` what the aggregator asks for one."""

    entry: Callable[[str, str], ModelEntry | None] = lambda backend, model: None
    listed: Callable[[str], Price | None] = lambda model: None

    def cost(self, upstream: Upstream, usage: Usage, time: float) -> Cost | None:
        """None where some price is not known. `time` is in seconds since 1970: prices change."""
        if usage.input is None and usage.output is None:
            return None
        usage = _billed(usage)
        own = self._own(upstream, usage)
        if own:
            return own
        charged = _charged(upstream, usage)
        if charged is not None:
            return Cost(charged, "provider")
        public = _public_cost(upstream, usage, time)
        return None if public is None else Cost(public, "genai-prices")

    def reread(self, upstream: Upstream, tokens: int, time: float) -> float | None:
        """What so many input tokens cost more, in US dollars, because they are not read from a cache."""
        for rates in self._rates(upstream, tokens, time):
            if rates.input is not None and rates.cache_read is not None:
                return tokens * (rates.input - rates.cache_read) / _MILLION
        return None

    def _rates(self, upstream: Upstream, prompt: int, time: float) -> Iterator[Rates]:
        """Those who know best first."""
        entry = self.entry(upstream.backend.name, upstream.model)
        if entry and _says_prices(entry):
            yield _entry_rates(entry)
        model = _model(_address(upstream.backend), upstream.backend.dialect, upstream.model)
        if model:
            yield _public_rates(model.get_prices(datetime.fromtimestamp(time, UTC), {}), prompt)

    def _own(self, upstream: Upstream, usage: Usage) -> Cost | None:
        entry = self.entry(upstream.backend.name, upstream.model)
        cost = _entry_rates(entry).cost(usage) if entry else None
        if cost is not None and entry and _says_prices(entry):
            return Cost(cost, "addons.yaml")
        price = self.listed(upstream.model) if upstream.backend.name == AGGREGATOR else None
        cost = _list_rates(price).cost(usage) if price else None
        return None if cost is None else Cost(cost, "model list")


def _billed(usage: Usage) -> Usage:
    """What is paid for: Cohere's models read more than the client sent, which is not on the bill.

    https://docs.cohere.com/docs/how-does-cohere-pricing-work
    """
    billed = usage.extra.get(BILLED_NOTE)
    match billed:
        case {"input_tokens": int() | float() as read, "output_tokens": int() | float() as written}:
            return Usage(input=int(read), output=int(written))
        case _:
            return usage


def load_public_prices() -> None:
    """Takes some dozens of milliseconds, which the first request is not to wait for."""
    get_snapshot()


def _says_prices(entry: ModelEntry) -> bool:
    return entry.prompt_price_1m is not None or entry.completion_price_1m is not None


def _entry_rates(entry: ModelEntry) -> Rates:
    return Rates(
        input=entry.prompt_price_1m,
        output=entry.completion_price_1m,
        cache_read=entry.cache_read_price_1m,
        cache_write=entry.cache_write_price_1m,
    )


def _list_rates(price: Price) -> Rates:
    prompt, completion = price.prompt, price.completion
    return Rates(None if prompt is None else prompt * 1000, None if completion is None else completion * 1000)


def _charged(upstream: Upstream, usage: Usage) -> float | None:
    """OpenRouter says what it took: https://openrouter.ai/docs/use-cases/usage-accounting"""
    cost = usage.extra.get("cost") if upstream.backend.dialect == "openrouter" else None
    told = isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost >= 0
    return float(cost) if told and cost is not None else None


def _public_cost(upstream: Upstream, usage: Usage, time: float) -> float | None:
    model = _model(_address(upstream.backend), upstream.backend.dialect, upstream.model)
    if model is None:
        return None
    variant = {name: value for name in _VARIANTS if isinstance(value := usage.extra.get(name), str)}
    return _public_rates(model.get_prices(datetime.fromtimestamp(time, UTC), variant), usage.prompt).cost(usage)


def _public_rates(price: ModelPrice, prompt: int) -> Rates:
    return Rates(
        input=_rate(price.input_mtok, prompt),
        output=_rate(price.output_mtok, prompt),
        cache_read=_rate(price.cache_read_mtok, prompt),
        cache_write=_rate(price.cache_write_mtok, prompt),
        cache_write_1h=_rate(price.cache_write_1h_mtok, prompt),
        request=(_rate(price.requests_kcount, prompt) or 0.0) / 1000,
    )


def _rate(price: Decimal | TieredPrices | None, prompt: int) -> float | None:
    """Long prompts may cost more, from their first token on."""
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if prompt > tier.start]
        price = reached[-1] if reached else price.base
    return None if price is None else float(price)


@lru_cache(maxsize=2048)
def _model(address: str, dialect: str, name: str) -> ModelInfo | None:
    provider = _provider(address, dialect)
    if provider is None:
        return None
    try:
        return get_snapshot().find_provider_model(name.removeprefix("models/"), provider, None, None)[1]
    except LookupError:
        return None


@lru_cache(maxsize=256)
def _provider(address: str, dialect: str) -> Provider | None:
    providers = get_snapshot().providers
    by_address = (provider for provider in providers if re.match(provider.api_pattern, address))
    by_dialect = (provider for provider in providers if provider.id == _PROVIDER_OF_DIALECT.get(dialect))
    return next(by_address, None) or next(by_dialect, None)


def _address(backend: Backend) -> str:
    """Without a password that may stand in it."""
    scheme, _, rest = backend.base_url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
