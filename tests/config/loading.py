"""Settings from options, environment and files of a folder of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy_core.config.load import load_settings
from proxy_core.config.problems import ConfigError
from proxy_core.config.settings import Settings


class Folder:
    """A working directory. An empty addons.yaml stands in for the one that comes with Parley."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("addons.yaml", "")

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text, encoding="utf-8")

    def load(self, environ: Mapping[str, str] | None = None, **options: Any) -> Settings:
        return load_settings(options, environ or {}, self.path)

    def problems(self, environ: Mapping[str, str] | None = None, **options: Any) -> list[str]:
        """What a start with this would complain about; it has to complain."""
        with pytest.raises(ConfigError) as caught:
            self.load(environ, **options)
        return [str(problem) for problem in caught.value.problems]
