"""Chromium by the W3C's WebDriver protocol, which needs nothing but HTTP: https://www.w3.org/TR/webdriver2/"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, TAB, RIGHT = "\ue007", "\ue004", "\ue014"
_LOOK = """
const done = arguments[0], until = Date.now() + 500, condition = () => (%s);
(function look() {
  let value = null;
  try { value = condition(); } catch (error) { /* not there yet */ }
  if (value || Date.now() > until) done(value); else setTimeout(look, 30);
})();
"""
_PATIENCE = 30
"""Seconds that a page may take on a machine that is busy with other things."""
_LEFT = {"script timeout", "javascript error", "no such execution context", "no such window", "aborted by navigation"}
"""What becomes of a script whose document is left while it runs: https://www.w3.org/TR/webdriver2/#errors"""


class Refused(Exception):
    """By the driver: https://www.w3.org/TR/webdriver2/#dfn-error-code"""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["message"])
        self.code: str = answer["error"]


class Browser:
    """One window, of a profile in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._driver = subprocess.Popen(
            [DRIVER or "chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._driver.stdout
        port = next(
            found[1] for line in self._driver.stdout if (found := re.search(r"successfully on port (\d+)", line))
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
        options = {"binary": CHROMIUM, "args": [*_FLAGS, f"--user-data-dir={folder}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        try:
            session = self._call("POST", "/session", capabilities={"alwaysMatch": wanted})
        except BaseException:
            self._stop_driver()
            raise
        self._base = f"/session/{session['sessionId']}"
        self._call("POST", f"{self._base}/timeouts", script=2000)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.delete(self._base)
        self._stop_driver()

    def _stop_driver(self) -> None:
        self._http.close()
        self._driver.terminate()
        self._driver.wait()

    def go(self, url: str) -> None:
        self._call("POST", f"{self._base}/url", url=url)

    def script(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self._call("POST", f"{self._base}/execute/sync", script=f"return ({expression})", args=[])

    def until(self, expression: str) -> Any:
        """The expression's value as soon as it is true, also in a document that a form or a reload leads to."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if value := self._look(expression):
                return value
        raise AssertionError(f"not in time: {expression}; {self.script('document.body.innerText')}")

    def _look(self, expression: str) -> Any:
        try:
            return self._call("POST", f"{self._base}/execute/async", script=_LOOK % expression, args=[])
        except Refused as refused:
            if refused.code not in _LEFT:
                raise
            return None

    def type(self, selector: str, text: str) -> None:
        self._wait_for_paint()
        found = self._call("POST", f"{self._base}/element", using="css selector", value=selector)
        self._call("POST", f"{self._base}/element/{found[_ELEMENT]}/value", text=text)

    def press(self, key: str) -> None:
        """Into whatever has the focus."""
        self._wait_for_paint()
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._call("POST", f"{self._base}/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def _wait_for_paint(self) -> None:
        """Chromium ignores keys that are pressed before it."""
        self.until("performance.getEntriesByName('first-contentful-paint').length")

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """The window's size in CSS pixels, and what the system prefers."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=features)

    def complaints(self) -> list[str]:
        """What the console said since it was last asked, but for refusals that were wanted."""
        said = self._call("POST", f"{self._base}/se/log", type="browser")
        return [line["message"] for line in said if " 401 " not in line["message"] and line["level"] == "SEVERE"]

    def _devtools(self, command: str, **parameters: Any) -> None:
        self._call("POST", f"{self._base}/goog/cdp/execute", cmd=command, params=parameters)

    def _call(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, path, json=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise Refused(answer)
        return answer
