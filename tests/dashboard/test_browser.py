"""The dashboard in Chromium, before the real program with its demo backend."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.dashboard.browser import CHROMIUM, DRIVER, ENTER, RIGHT, TAB, Browser
from tests.live.program import CLIENT_KEY, Program

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver")
EVIL = "<img src=x onerror=alert(1)>"
STATES = (
    "[...document.querySelectorAll('#requests tbody tr')]"
    ".map(row => row.cells[0].textContent + ' ' + row.cells[1].textContent)"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("dashboard")
    running = Program(folder, "settings: {}\n").wait()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(window: Browser, program: Program) -> Browser:
    """Logged in, connected, with nothing to complain about so far."""
    window.look(1280, 900)
    window.go(f"{program.base}/dashboard")
    if window.script("!!document.getElementById('key')"):
        window.type("#key", CLIENT_KEY + ENTER)
    window.until("document.getElementById('connection').textContent === 'live'")
    window.complaints()
    return window


def ask(program: Program, model: str, text: str = "Hello", session: str = "s-1") -> int:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {CLIENT_KEY}", "x-session-id": session}
    url = f"{program.base}/v1/chat/completions"
    return httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False).status_code


def test_only_the_key_opens_it_and_logging_out_closes_it(window: Browser, program: Program) -> None:
    window.go(f"{program.base}/dashboard")
    window.type("#key", "wrong" + ENTER)
    assert "not the client key" in window.until("document.querySelector('[role=alert]:not([hidden])')?.textContent")
    window.type("#key", CLIENT_KEY + ENTER)
    window.until("document.getElementById('requests')")
    assert window.script("document.cookie") == ""
    assert window.script("location.href") == f"{program.base}/dashboard"
    window.script("document.querySelector('header form').requestSubmit()")
    window.until("document.getElementById('key')")


def test_a_request_is_seen_while_it_streams_and_when_it_is_over(page: Browser, program: Program) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    asking = threading.Thread(target=ask, args=(program, "demo:slow", words, "s-live"))
    asking.start()
    page.until(f"{STATES}.some(state => state === 'streaming demo:slow')")
    page.until("document.querySelector('#requests tbody tr td:nth-child(6)').textContent.startsWith('≈')")
    assert page.script("document.title") == "(1) Parley"
    asking.join()
    page.until(f"{STATES}.some(state => state === 'done demo:slow')")
    page.until("document.title === 'Parley'")
    assert page.script("document.querySelector('#requests tbody tr td:nth-child(7)').textContent") == "unknown"


def test_usage_follows_by_itself_and_survives_a_reload(page: Browser, program: Program) -> None:
    before = page.until("document.querySelector('.tile dd')?.textContent")
    assert ask(program, "demo:echo", session="s-usage") == 200
    page.until(f"document.querySelector('.tile dd').textContent !== '{before}'")
    page.go(f"{program.base}/dashboard")
    page.until(f"{STATES}.some(state => state === 'done demo:echo')")
    page.until(
        "[...document.querySelectorAll('#shares tbody td:first-child')].some(cell => cell.textContent === 'echo')"
    )
    assert "unknown" in page.script("document.querySelector('.tiles').lastElementChild.textContent")


def test_failures_and_loops_are_told(page: Browser, program: Program) -> None:
    ask(program, "demo:loop", session="s-loop")
    assert ask(program, "demo:busy", session="s-busy") == 429
    page.until(f"{STATES}.some(state => state.startsWith('failed'))")
    page.until("document.querySelector('#happened-loop + ol')?.textContent.includes('demo:loop')")
    page.until("document.querySelector('#backends').textContent.includes('demo')")


def test_names_of_clients_are_text(page: Browser, program: Program) -> None:
    ask(program, f"demo:{EVIL}", session=EVIL)
    page.until(f"{STATES}.some(state => state.includes('{EVIL}'))")
    assert page.script("document.querySelectorAll('img').length") == 0
    assert page.complaints() == []


def test_nothing_comes_from_elsewhere(page: Browser, program: Program) -> None:
    page.until("document.querySelector('.tile')")
    asked = page.script("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked
    assert not [url for url in asked if not url.startswith((f"{program.base}/", "data:"))]
    assert page.complaints() == []


def test_the_keyboard_reaches_everything(page: Browser) -> None:
    page.until("document.querySelector('.tile')")
    page.script("document.querySelector('#ranges input:checked').focus()")
    page.press(RIGHT)
    page.until("document.querySelector('#ranges input:checked').value === '30'")
    page.until("document.querySelectorAll('#tokens-chart .column').length === 30")
    assert (
        page.script("getComputedStyle(document.querySelector('#ranges input:checked + span')).outlineStyle") == "solid"
    )
    page.script("document.querySelector('#dimensions input:checked').focus()")
    page.press(RIGHT)
    page.until("document.getElementById('share-name').textContent === 'Project'")
    page.go(page.script("location.href"))
    page.press(TAB)
    assert page.until("document.activeElement.className") == "skip"


def test_screen_readers_are_told_what_things_are(page: Browser) -> None:
    page.until("document.querySelector('#cost-chart svg')")
    assert page.script("[...document.querySelectorAll('table')].every(table => table.caption?.textContent)")
    assert page.script("[...document.querySelectorAll('svg')].every(svg => svg.ariaLabel || svg.ariaHidden)")
    assert page.script(
        "[...document.querySelectorAll('main > section')].every(part => "
        "document.getElementById(part.getAttribute('aria-labelledby')).textContent)"
    )
    assert page.script("document.querySelectorAll('header, main, nav').length") == 3
    assert page.script("document.getElementById('announced').ariaLive") == "polite"
    page.until("document.getElementById('announced').textContent.includes('under way')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_it_fits_and_can_be_read(page: Browser, width: int, scheme: str) -> None:
    page.look(width, 844, scheme)
    page.until("document.querySelector('.tile')")
    assert page.script("document.documentElement.scrollWidth") <= width
    assert page.script(CONTRASTS) == []


CONTRASTS = """(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = ([red, green, blue]) =>
    0.2126 * linear(red / 255) + 0.7152 * linear(green / 255) + 0.0722 * linear(blue / 255);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || !node.checkVisibility() || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(node.tagName)) continue;
    const style = getComputedStyle(node), ink = node instanceof SVGElement ? style.fill : style.color;
    const [bright, dark] = [light(parse(ink)), light(behind(node))].sort((one, other) => other - one);
    if ((bright + 0.05) / (dark + 0.05) < 4.5) low.push(`${node.textContent.slice(0, 40)}: ${ink}`);
  }
  return low;
})()"""
"""Texts with less contrast to what is behind them than WCAG asks for: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
