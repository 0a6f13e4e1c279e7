"""Texts that repeat themselves because they have to: tables, data, code, art, songs. None is a loop."""

from __future__ import annotations

import base64
import json
import random

_CHANCE = random.Random(7)
LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo "
    "consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. "
    "Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est laborum."
)
_NAMES = ("width", "height", "colour", "weight", "title", "owner", "price", "status", "created", "updated", "parent")


def _lines(count: int, form: str) -> str:
    return "".join(form.format(n=n, m=n * 7 % 13, r=_CHANCE.random(), k=_NAMES[n % 11]) for n in range(count))


def _fenced(language: str, text: str) -> str:
    return f"Here it is:\n\n```{language}\n{text}\n```\n\nTell me if you want more of it.\n"


def _board(moved: int) -> str:
    rows = [". . . . . . . ."] * 8
    rows[moved % 8] = ". . . . N . . ."
    return "\n".join(rows) + f"\n\nMove {moved}: the knight goes on.\n\n"


def _mandelbrot() -> str:
    rows = []
    for y in range(-12, 13):
        row = ""
        for x in range(-38, 20):
            z, c = 0j, complex(x / 20, y / 10)
            for _ in range(30):
                z = z * z + c if abs(z) < 2 else z
            row += "*" if abs(z) < 2 else " "
        rows.append(row)
    return "\n".join(rows)


_BOTTLES = "".join(
    f"{n} bottles of beer on the wall, {n} bottles of beer.\nTake one down and pass it around, {n - 1} bottles of beer "
    "on the wall.\n\n"
    for n in range(99, 60, -1)
)
_CARD = (
    '<div class="card">\n  <img src="image{n}.png" alt="Picture {n}">\n  <div class="card-body">\n'
    '    <h5 class="card-title">Product {n}</h5>\n    <p class="card-text">' + LOREM[:123] + "</p>\n"
    '    <a href="#" class="btn btn-primary">Buy now</a>\n  </div>\n</div>\n'
)
_GETTER = (
    "    public String get{n}() {{\n        return this.field{n};\n    }}\n\n    public void set{n}(String value) {{\n"
    "        this.field{n} = value;\n    }}\n\n"
)
_CHORUS = "Oh, the river runs down to the sea,\nand it carries my song along,\nand it never comes back to me.\n\n"
_VERSES = (
    "In the morning the boats go out,\nnets are heavy and hands are cold,\n\n",
    "By the noon there is wind about,\nand the stories of storms are told,\n\n",
    "When the evening has come at last,\nlamps are lit in the harbour lane,\n\n",
    "And the winter is sailing past,\nbut the boats will go out again,\n\n",
)

CLEAN: dict[str, str] = {
    "numeric table": "| n | square | share |\n|---|---|---|\n" + _lines(120, "| {n} | {m} | {r:.3f} |\n"),
    "table of the same rows": "| test | result |\n|------|------|\n" + "| smoke | passed |\n" * 40,
    "empty table": "| a | b | c |\n|---|---|---|\n" + "|   |   |   |\n" * 30,
    "wide table": "|" + " column |" * 30 + "\n|" + "---|" * 30 + "\n" + _lines(12, "|" + " {n} |" * 30 + "\n"),
    "yes and no table": _lines(60, "| feature {n} | yes | yes | no | yes | yes |\n"),
    "ruler": f"Title\n{'=' * 80}\ntext\n{'-' * 80}\n",
    "long ruler": "#" * 400 + "\n# section\n" + "#" * 400 + "\n",
    "very long ruler": "-" * 1500 + "\nAnd on.",
    "rulers between sections": _lines(
        30, "-" * 60 + "\nSection {n} about {k} has its own text here.\n" + "-" * 60 + "\n"
    ),
    "table of contents": _lines(40, "Chapter {n} " + "." * 60 + " {m}\n"),
    "progress bars": "".join(f"[{'#' * n}{'.' * (50 - n)}] {2 * n}%\n" for n in range(51)),
    "progress with carriage returns": "".join(f"\rDownloading {'=' * n}> {n}%" for n in range(100)),
    "pytest dots": "." * 72 + " [ 30%]\n" + "." * 72 + " [ 60%]\n" + "." * 72 + " [ 90%]\n" + "." * 20 + " [100%]\n",
    "base64": base64.b64encode(_CHANCE.randbytes(6000)).decode(),
    "base64 of zeros": "data:image/bmp;base64,Qk0" + "A" * 1500 + "==",
    "hexdump of zeros": "".join(f"{n * 16:08x}  {'00 ' * 16} |................|\n" for n in range(60)),
    "hex": _CHANCE.randbytes(3000).hex(),
    "JSON objects": json.dumps(
        [{"id": n, "name": f"item {n}", "active": True, "tags": []} for n in range(80)], indent=2
    ),
    "JSON alike": json.dumps([{"value": None, "ok": True}] * 50),
    "JSON lines": _lines(80, '{{"event": "{k}", "n": {n}, "ok": true, "error": null}}\n'),
    "JSON schema": json.dumps({name: {"type": "string", "description": "", "default": None} for name in _NAMES}),
    "zero matrix": _fenced("python", "[\n" + ("    [" + ", ".join("0" * 16) + "],\n") * 16 + "]"),
    "identity matrix": "\n".join(" ".join("1" if x == y else "0" for x in range(20)) for y in range(20)),
    "list of zeros": f"weights = [{', '.join(['0.0'] * 200)}]",
    "CSV": _lines(150, "{n},{m},{r:.2f},open,{k}\n"),
    "TSV of one value": "id\tstate\n" + _lines(100, "{n}\topen\n"),
    "SQL inserts": _lines(50, "INSERT INTO items (id, name, price) VALUES ({n}, '{k}', {m});\n"),
    "lorem three times": f"{LOREM}\n\n" * 3,
    "lorem in HTML": _lines(12, _CARD),
    "lists of links": _lines(40, '<li><a href="/page/{n}">Page {n}</a></li>\n'),
    "same list items": "<ul>\n" + "  <li>Item</li>\n" * 40 + "</ul>\n",
    "table cells": "<tr>" + "<td></td>" * 60 + "</tr>\n",
    "song with a chorus": "".join(verse + _CHORUS for verse in _VERSES),
    "bottles": _BOTTLES,
    "row your boat": "Row, row, row your boat,\ngently down the stream.\n"
    "Merrily, merrily, merrily, merrily,\nlife is but a dream.\n\n" * 3,
    "na na na": "Na na na na na na na na na na na na, hey hey, goodbye.\n" * 4,
    "laughter": "Ha" * 60 + "! That is a good one.",
    "very": "It was a " + "very, " * 30 + "very long day.",
    "lines to write": "I will not talk in class.\n" * 15,
    "all work": "All work and no play makes Jack a dull boy.\n" * 10,
    "mantra": "Om mani padme hum. " * 20,
    "getters": _fenced("java", _lines(14, _GETTER)),
    "tests alike": _fenced(
        "python", _lines(30, "def test_{k}_{n}(client):\n    assert client.get('/{k}/{n}').status == 200\n\n\n")
    ),
    "CSS": _fenced("css", _lines(30, ".m-{n} {{\n  margin: {n}px;\n  padding: 0;\n  border: none;\n}}\n\n")),
    "switch": _lines(50, "        case {n}:\n            return '{k}';\n"),
    "YAML": _lines(40, "- name: {k}-{n}\n  image: nginx:latest\n  restart: always\n  ports: []\n"),
    "Kubernetes": _lines(
        10, "apiVersion: v1\nkind: Service\nmetadata:\n  name: svc-{n}\nspec:\n  type: ClusterIP\n---\n"
    ),
    "diff": _lines(50, "-    old_{k}({n})\n+    new_{k}({n})\n     # unchanged\n"),
    "SVG path": '<path d="M0 0 ' + _lines(150, "L{n} {m} ") + 'Z"/>',
    "SVG grid": _lines(60, '<rect x="{n}0" y="0" width="10" height="10" fill="none" stroke="black"/>\n'),
    "log": _lines(80, "2026-01-01T10:{n:02}:{m:02}Z INFO worker heartbeat received, nothing to do\n"),
    "log without times": _fenced("", "INFO: heartbeat received\n" * 50),
    "recursion error": '  File "a.py", line 2, in f\n    return f(n - 1)\n' * 25
    + "  [Previous line repeated 971 more times]\n",
    "test results": _lines(80, "✓ handles {k} number {n} (3 ms)\n"),
    "checklist": _lines(50, "- [ ] Review {k} {n}\n  - Status: open\n  - Owner: nobody\n"),
    "checklist without words": "- [ ] \n" * 60,
    "status of everything": _lines(40, "{k}_{n}.py: No change is needed here. The value is right.\n"),
    "review": _lines(25, "### file_{n}.py\nLooks good to me.\nNo findings for {k} in revision {m}.\n\n"),
    "questions": _lines(25, "Q: What is {n} times {m}?\nA: The answer is {r:.2f}, because we multiply both.\n\n"),
    "multiplication": "".join(f"{a} x {b} = {a * b}\n" for a in range(1, 13) for b in range(1, 13)),
    "even numbers": "".join(f"{n} is even. {n + 1} is odd. " for n in range(0, 160, 2)),
    "primes by steps": _lines(60, "Check {n}: divide by {m}; the rest is {r:.3f}, so go on.\n"),
    "digits of a third": "1/3 = 0." + "3" * 1000 + "…",
    "binary": " ".join(f"{n:08b}" for n in range(200)),
    "DNA": "".join(_CHANCE.choices("ACGT", k=2000)) + "A" * 300 + "".join(_CHANCE.choices("ACGT", k=200)),
    "life": "\n\n".join(_board(n) for n in range(20)),
    "mandelbrot": _mandelbrot(),
    "box": "┌" + "─" * 100 + "┐\n" + ("│" + " " * 100 + "│\n") * 10 + "└" + "─" * 100 + "┘\n",
    "guitar": "e|-------0-------|\nB|-----1---1-----|\nG|---0-------0---|\n"
    "D|-2-----------2-|\nA|-3-------------|\nE|---------------|\n" * 8,
    "drums": "| x-x-x-x- | x-x-x-x- | x-x-x-x- | x-x-xxxx |\n" * 12,
    "crochet": _lines(20, "Row {n}: single crochet in each stitch across, chain one, turn ({m} stitches).\n"),
    "emoji": "🎉" * 300,
    "emoji grid": ("⬛" * 10 + "\n") * 10,
    "indentation": "\n".join(" " * n + "if x:" for n in range(0, 160, 4)) + "\n" + " " * 400 + "pass",
    "blank lines": "first" + "\n" * 300 + "second",
    "Morse": "... --- ... " * 60,
    "LaTeX": "\\begin{pmatrix}\n" + (" & ".join("0" * 12) + " \\\\\n") * 12 + "\\end{pmatrix}",
    "mermaid": _lines(40, "    A{n} --> B{m}\n    B{m} --> C{n}\n"),
    "tree": _lines(50, "│   ├── {k}\n│   │   ├── index_{n}.ts\n│   │   └── index_{n}.test.ts\n"),
    "Chinese list": "".join(f"{n}. 这是第{n}个项目，它的说明在下面。\n" for n in range(60)),
    "Japanese laughter": "笑" * 200 + "www" * 30,
    "clauses": _lines(
        20,
        "{n}.1 The Supplier shall deliver {k} {n} in accordance with this Agreement.\n{n}.2 The Customer "
        "shall pay the price of {m} for {k} {n} in accordance with this Agreement.\n",
    ),
    "commit log": _lines(40, "commit {r:.16f}\nAuthor: A. Person <a@example.org>\n\n    Change {k} ({n})\n\n"),
    "quotation twice": (LOREM + "\n\n") * 2 + "The above is quoted twice, since both files hold it.",
    "play": "ESTRAGON: Let's go.\nVLADIMIR: We can't.\nESTRAGON: Why not?\nVLADIMIR: We're waiting for Godot.\n" * 5,
    "wrapped options": "usage: prog [-h] " + _lines(60, "[--{k}-{n} VALUE] "),
    "shell": _lines(30, "mkdir -p build/{k}/{n}\ncp src/{k}.c build/{k}/{n}/\n"),
    "assembly": _fenced("", "    nop\n" * 100 + "    ret\n"),
    "scenarios": _lines(
        20,
        "  Scenario: a {k} is changed\n    Given the user is on the page of the {k}\n    When the user enters {n}\n"
        "    Then the user sees the list\n\n",
    ),
    "subtitles": _lines(80, "{n}\n00:00:{n:02},000 --> 00:00:{n:02},900\n[music]\n\n"),
    "cases": _lines(60, "If x = {n}, then x^2 mod 13 = {m}, so this case fails. "),
    "litany": "".join(f"From every {name}, deliver us, O Lord.\n" for name in _NAMES * 3),
    "worksheet": _lines(40, "{n}. ____________ + ____________ = ____________\n"),
    "clauses by number": _lines(25, "Section {n}. The lender shall not, without consent, change the {k} of it.\n"),
    "rebase": _lines(80, "pick {r:.7f} fix typo\n"),
    "sparse CSV": "id,a,b,c,d,e,f\n" + _lines(200, "{n},,,,,,\n"),
    "placeholder": "TODO: fill in\n" * 30,
}
