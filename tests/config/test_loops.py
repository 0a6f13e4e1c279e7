from __future__ import annotations

from pathlib import Path

from tests.config.loading import Folder

YAML = """
loops:
  min_repetitions_long: 6
  min_length: 700
  on_loop: next_element
  tool: {mode: off, max_repeats: 9}
models:
  local:qwen3:
    loops: {enabled: false, tool: {mode: break}}
"""


def test_loops_of_the_file(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.write("addons.yaml", YAML)
    loops = folder.load().loops
    assert (loops.min_repetitions_long, loops.min_length, loops.on_loop) == (6, 700, "next_element")
    assert (loops.tool.mode, loops.tool.max_repeats, loops.tool.ttl) == ("off", 9, 300.0)


def test_environment_wins_over_the_file(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.write("addons.yaml", YAML)
    loops = folder.load({"LOOP_DETECTION_MIN_REPETITIONS_LONG": "4", "LOOP_DETECTION_ENABLED": "false"}).loops
    assert (loops.min_repetitions_long, loops.min_length, loops.enabled) == (4, 700, False)


def test_loops_of_a_model(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.write("addons.yaml", YAML)
    settings = folder.load()
    own = settings.loops_of("local", "qwen3")
    assert (own.enabled, own.min_length, own.tool.mode, own.tool.max_repeats) == (False, 700, "break", 9)
    assert settings.loops_of("local", "other") is settings.loops


def test_network_and_limits(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.write(
        "addons.yaml",
        "network: {hosts: [LLM.example.org], origins: ['https://a.example'], allow: [10.0.0.1/24]}\n"
        "limits: {header_kib: 16, json_depth: 50, streams: 7, streams_per_client: 3, idle_seconds: 20}\n",
    )
    settings = folder.load()
    assert settings.network.hosts == ("llm.example.org",)
    assert settings.network.origins == ("https://a.example",)
    assert settings.network.allow == ("10.0.0.0/24",)
    limits = settings.limits
    assert (limits.headers, limits.json_depth, limits.streams, limits.streams_per_client) == (16384, 50, 7, 3)
    assert limits.idle == 20


def test_wrong_values_are_named(tmp_path: Path):
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "network: {allow: [ten]}\nloops: {on_loop: explode, tool: {max_repeats: 1}}\n")
    text = "\n".join(folder.problems())
    for name in ("network.allow", "loops.on_loop", "loops.tool.max_repeats"):
        assert name in text
