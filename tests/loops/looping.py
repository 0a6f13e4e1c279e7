"""Texts of models that have begun to repeat themselves, as seen in the wild and made up. Each goes on for ever."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

OPENING = (
    "The failing test compares the parsed header with the stored one. I have looked at the reader and the writer, "
    "and at what stands between them.\n\n"
)
LENGTH = 8000


@dataclass(frozen=True)
class Looping:
    """`cycle` is the number of characters of one round; a loop is there after `rounds` of them."""

    name: str
    opening: str
    body: str
    cycle: int
    rounds: int

    @property
    def text(self) -> str:
        return self.opening + self.body

    @property
    def threshold(self) -> int:
        return len(self.opening) + self.cycle * self.rounds


def _exact(name: str, unit: str, opening: str = OPENING) -> Looping:
    rounds = 8 if len(unit) <= 10 else 4 if len(unit) <= 50 else 3
    return Looping(name, opening, (unit * (LENGTH // len(unit) + 1))[:LENGTH], len(unit), rounds)


def _varied(name: str, line: Callable[[int, random.Random], str]) -> Looping:
    chance = random.Random(name)
    lines: Iterator[str] = (line(number, chance) for number in itertools.count(1))
    body = ""
    while len(body) < LENGTH:
        body += next(lines)
    sentences = 4 if "shuffled" in name or "between" in name else 1
    rounds = 16 if "counting" in name else 4  # what counts adds nothing itself
    return Looping(name, OPENING, body, sentences * max(len(line(9, chance)) for _ in range(8)), rounds)


_UNITS = {
    "exclamation marks": "!",
    "one letter": "G",
    "zeros": "0",
    "line breaks": "\n",
    "blanks": " ",
    "tabs": "\t",
    "dashes": "-",
    "dots": ".",
    "the the": "the ",
    "two letters": "ab",
    "ha": "ha",
    "comma and blank": ", ",
    "null bytes written out": "\\x00",
    "replacement characters": "�",
    "emoji": "🙂",
    "Chinese syllable": "好",
    "Chinese word": "可以",
    "Japanese laughter": "ははは、",
    "Korean": "네, ",
    "Cyrillic": "да, ",
    "ten characters": "I am sorry"[:10],
    "wait": "Wait, ",
    "okay": "Okay. ",
    "number": "42, ",
    "closing tags": "</div>",
    "escaped line break": "\\n",
    "brackets": "[[",
    "empty object": "{},",
    "special token": "<|im_end|>",
    "question": "What? Why? ",
    "let me check": "Let me check. ",
    "let me check again": "Let me check the result once more before I go on. ",
    "a line": "I need to read the file first.\n",
    "numbered alike": "1. Check the configuration.\n",
    "bullet": "- The value is not set\n",
    "heading": "## Summary\n\nDone.\n\n",
    "table row": "| value | value | value |\n",
    "empty table row": "|  |  |  |\n",
    "code line": "    return result\n",
    "import": "import os\nimport sys\n",
    "call": "print(f'{value}')\n",
    "JSON object": '{"name": "value", "id": 1},\n',
    "HTML row": "<tr><td>value</td><td>value</td></tr>\n",
    "Chinese sentence": "我需要先检查一下这个文件的内容。",
    "Arabic": "يجب أن أتحقق من الملف أولا. ",
    "German": "Ich sehe mir zuerst die Datei an und prüfe dann das Ergebnis.\n",
    "apology": "I apologize for the confusion. Let me try a different approach to solve this problem.\n\n",
    "thought": "Actually, wait. Let me reconsider. The function returns None when the key is missing, so the caller "
    "fails. But the caller checks for None. So the function must return something else. Hmm.\n\n",
    "paragraph": "The test fails because the fixture is created once per session while the database is emptied after "
    "each test. To correct this, the fixture has to be created per function. That makes the suite slower, but each "
    "test is then independent of the others, which is what we want here.\n\n",
    "longest paragraph": "".join(
        f"This is clause {'abcdefghij'[i]} of the agreement between them. " for i in range(10)
    ),
    "code block": "```python\ndef load(path):\n    with open(path) as file:\n        return json.load(file)\n```\n\n",
    "function": "def test_load():\n    value = load('a.json')\n    assert value == {'a': 1}\n    assert value\n\n\n",
    "steps": "Step A: read the file.\nStep B: change the line.\nStep C: run the tests.\n",
    "dialogue": "User: Are you sure?\nAssistant: Yes, I am sure.\n",
    "quote": "> As an AI language model I cannot help with that request.\n>\n",
    "Base64 zeros": "AAAA",
    "tool call as text": '<tool_call>{"name": "read_file", "arguments": {"path": "a.py"}}</tool_call>\n',
}
_FENCED = {
    "fenced line": "x = x + 1\n",
    "fenced comment": "# the rest of the code stays as it is\n",
    "fenced rows": "    [0, 0, 0, 0, 0, 0, 0, 0],\n",
    "fenced function": "def f():\n    return compute(first, second)\n\n",
}
_SENTENCES = (
    "Let me look at the configuration file once more to be sure.",
    "The option is read before the environment has been loaded.",
    "So the default value is what the program sees in the end.",
    "I should check whether the loader is called a second time.",
)
_VARIED: dict[str, Callable[[int, random.Random], str]] = {
    "numbered sentences": lambda n, _: f"{n}. Let me try to run the tests again and look at the output.\n",
    "labelled rounds": lambda n, _: f"Attempt #{n}: I will run the command again and see what it says.\n",
    "counter behind": lambda n, _: f"I will read the file again to be certain of it (attempt {n}). ",
    "counting inside": lambda n, _: (
        f"Let me try approach number {n}. This approach does not work because the value is not set. "
    ),
    "counting at random": lambda _, chance: (
        f"Waiting for the job. I will check again in {chance.randint(1, 60)} seconds. The job is still running.\n"
    ),
    "shuffled sentences": lambda _, chance: chance.choice(_SENTENCES) + " ",
    "separators differ": lambda _, chance: _SENTENCES[0] + chance.choice([" ", "\n", "\n\n", " ... ", "\n---\n"]),
    "words between": lambda _, chance: (
        chance.choice(["Wait. ", "Hmm. ", "Okay. ", "Actually. "]) + chance.choice(_SENTENCES[:2]) + "\n"
    ),
    "long rounds": lambda n, _: (
        "".join(f"{s} " for s in _SENTENCES * 2)
        + "This is where the value must come from, as far as I can see it now.\n" * (n % 2 + 1)
    ),
}

LOOPING = [
    *(_exact(name, unit) for name, unit in _UNITS.items()),
    *(_exact(name, unit, f"{OPENING}```python\n") for name, unit in _FENCED.items()),
    *(_varied(name, line) for name, line in _VARIED.items()),
    _exact("from the first character", "No. ", ""),
    _exact("after a long text", "I will do it now. ", "".join(f"Line {n} tells something else.\n" for n in range(900))),
]
