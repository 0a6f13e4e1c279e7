"""Assignments to names such as `password` and `api_key`: is the value a secret, or code, a path, an example?"""

from __future__ import annotations

import re
from itertools import pairwise

from proxy_core.redaction.checks import PLACEHOLDER, entropy, from_documentation, secret_of

_NAME_BEFORE = re.compile(rb"[\w.\-]{0,48}\Z")
_WORDS = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_NO_SECRET = frozenset(
    b"public pub publishable csrf xsrf next prev previous page cursor continuation sync resume idempotency max min "
    b"num total count counts usage input output prompt completion reasoning cached eos bos pad unk mask id ids name "
    b"names type types url uri urls endpoint file filename path dir folder arn ref refs hash hashed digest checksum "
    b"sha md5 fingerprint version expiry expires expired expiration ttl length len size limit field fields label "
    b"prefix suffix header headers column index policy format pattern regex regexp hint help error errors message "
    b"title description placeholder text visibility strength attempts algorithm provider manager scope scopes kind "
    b"class selector alias ring board down up press cache primary foreign partition sort object storage row map "
    b"bucket shard route verification verify site tokenizer tokenize tokenized secretary passwordless author env var "
    b"authenticity budget budgets rate date time at created updated rotation vault keyvault".split()
)
"""A name with one of these words is about a secret, or about something else."""

_PASSWORD = frozenset(b"password passwd passphrase pwd pass passwort kennwort passcode".split())
_ENDINGS = (b"password", b"passwd", b"secret", b"token", b"apikey")
_STRONG = frozenset(b"secret token apikey password passwd passphrase pwd pass credential credentials bearer".split())
_STRONG_PAIRS = frozenset(
    tuple(pair.split(b"_"))
    for pair in b"api_key access_key auth_key private_key access_token auth_token refresh_token api_token "
    b"signing_key encryption_key master_key account_key secret_key license_key client_secret".split()
)

_STAND_IN = re.compile(
    rb"(?i)^(?:\$|%[\w(]|<|\{|@|!|env[.:]|vault[.:]|secrets?[.:/]|ref[.:]|arn:|op://|sha\d*[-:~]|md5:|file:|data:|https?:|"
    rb"projects/|\./|~/|[a-z]:\\)|"
    rb"\$\{|\{\{|\}\}|%\(|process\.env|environ|getenv|undefined|\bnull\b|\bnone\b|\btrue\b|\bfalse\b|"
    rb"not[_-]?(?:set|needed|used|required|a[_-]real)|change[_-]?(?:me|it|this)|your|insert|replace|todo|fixme|dummy|"
    rb"sample|example|placeholder|redacted|has_been|hidden|masked|\*{3}|\.{3}|x{4}|lorem|^my[_-]?\w*$|"
    rb"0-9A-Z|a-z0-9|A-Za-z|A-Z0-9|"
    rb"^(?:test|fake|mock|some|any|foo|bar|default|invalid|wrong|bad|old|new)[_-]|"
    rb"^(?:super|top)?[_-]?secret[_-]?\d{0,3}$|(?:key|token|secret|password|passwd)[_-]?(?:here|goes|value|\d{1,3})?$"
)
_COMMON = re.compile(
    rb"(?i)^(?:p[a@]ssw[o0]rd|passw[o0]rt|pass|admin|root|guest|user|postgres|mysql|letmein|welcome)\d{0,4}!?$"
)
_RUNS = re.compile(rb"[a-z]+|[A-Z]+|\d+|[^a-zA-Z\d]+")
_JUDGED = 128
"""Bytes of a value that are looked at; what follows tells no more."""
_DIGIT = re.compile(rb"\d")
_SYMBOL = re.compile(rb"[^\w.:/-]")
_FLAG = re.compile(rb"(?:(?:^|[\s\"'\[])--?[\w-]*|(?:^|\s)(?:ENV|ARG|setx?)[ \t]+[A-Z0-9_]*)\Z")
_ONLY_QUOTED = (b"==", b"===", b"!=", b"!==", b"|")
_FILE = re.compile(
    rb"\.(?:json|pem|txt|key|ya?ml|env|py|js|ts|tsx|go|rs|java|rb|php|md|html?|crt|cfg|ini|toml|log|sh)$"
)
_CHAIN = re.compile(rb"[A-Za-z_$][\w$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*)+$")
_TYPE = re.compile(rb"_{0,2}(?:[A-Z]{2,6}\d{0,5})?(?:[A-Z][a-z]{2,}\d?){2,}$")
_CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_WORDS_JOINED = re.compile(
    rb"_?[A-Za-z][a-z]*\d{0,3}(?:[_-]{1,2}(?:[A-Za-z][a-z]+\d{0,3}|v?\d{1,3}))+$|[a-z]{2,}\d?(?:[A-Z][a-z]{2,}\d{0,3}){2,}$"
)
"""`snake_case_names_v2`, `kebab-case-names`, `camelCaseNames`."""
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
_HEX = re.compile(rb"(?i)[0-9a-f]+$")
_CLASSES = bytes.maketrans(
    bytes(range(256)),
    bytes(100 if 48 <= c <= 57 else 117 if 65 <= c <= 90 else 108 if 97 <= c <= 122 else 115 for c in range(256)),
)
"""Every byte to d(igit), u(pper), l(ower) or s(ymbol)."""


def name_words(match: re.Match[bytes]) -> list[bytes]:
    """The words of the name that is assigned to, in lower case: `dbPassword` gives db, password;
    `pgpassword` both."""
    data, start = match.string, match.start()
    before = _NAME_BEFORE.search(data, max(0, start - 48), start)
    name = (before.group() if before else b"") + match.group("name")
    words = [word.lower() for word in _WORDS.findall(name)]
    return words + [ending for word in words for ending in _ENDINGS if word != ending and word.endswith(ending)]


def classes(value: bytes) -> set[int]:
    return set(value.translate(_CLASSES))


def restlessness(value: bytes) -> float:
    """How often neighbours differ in class: about 0.6 for random base 62, 0.5 for hex, 0.2 for names in code."""
    return (len(_RUNS.findall(value)) - 1) / max(1, len(value) - 1)


def is_code(value: bytes) -> bool:
    """Identifiers, constants, file names and versions."""
    if _CONSTANT.match(value) or _TYPE.match(value) or _FILE.search(value):
        return True
    return _CHAIN.match(value) is not None and restlessness(value) < 0.5


def _is_words(value: bytes) -> bool:
    """Several words in one, with a number here and there."""
    return restlessness(value) < 0.45 and _WORDS_JOINED.match(value) is not None


def is_stand_in(value: bytes) -> bool:
    if value.startswith(b"/") and restlessness(value) < 0.4:
        return True
    return _STAND_IN.search(value) is not None or PLACEHOLDER.fullmatch(value) is not None


def looks_like_password(value: bytes, quoted: bool) -> bool:
    """Chosen by people: short, but with digits or symbols among the letters."""
    kinds = classes(value)
    if _COMMON.match(value) or b"://" in value or entropy(value) < 2.0:
        return False
    letters, digit, symbol = kinds & {108, 117}, 100 in kinds, 115 in kinds
    if is_code(value) or (symbol and not digit and re.fullmatch(rb"[A-Za-z]+(?:[-_.:/ ][A-Za-z]+)+", value)):
        return False
    if not letters:
        return quoted and len(value) >= 8 and entropy(value) >= 2.5
    return digit or (symbol and len(kinds) >= 3 and quoted) or (len(value) >= 16 and restlessness(value) >= 0.4)


def looks_like_token(value: bytes, strong: bool) -> bool:
    """Made by machines: long and restless. `strong`: the name leaves no doubt, so that UUIDs and hex count too."""
    if len(value) < (8 if strong else 16) or b"://" in value or is_code(value) or _is_words(value):
        return False
    kinds = classes(value)
    if not kinds & {108, 117}:
        return False
    if 100 not in kinds:
        return len(value) >= 20 and entropy(value) > 3.8 and restlessness(value) >= 0.4
    if _UUID.match(value) or _HEX.match(value):
        return strong and len(value) >= 16 and entropy(value) > 2.8
    if not strong and len(_DIGIT.findall(value)) < 2:
        return False
    least = 2.8 if len(value) < 20 else 3.4
    return entropy(value) >= least and restlessness(value) >= (0.2 if strong else 0.3)


def is_secret_assigned(match: re.Match[bytes]) -> bool:
    """The cheap and telling questions first: most names that are assigned to are given code."""
    value, quoted = secret_of(match)[:_JUDGED], match.group("bare") is None
    if b" " in value or not _has_character(value, quoted):
        return False
    if not _operator_fits(match, quoted) or (not quoted and _goes_on_as_code(match)):
        return False
    words = name_words(match)
    if not _NO_SECRET.isdisjoint(words) or is_stand_in(value) or from_documentation(value):
        return False
    if not _PASSWORD.isdisjoint(words):
        return len(value) >= (5 if quoted else 6) and looks_like_password(value, quoted)
    return looks_like_token(value, _is_strong(words))


def _has_character(value: bytes, quoted: bool) -> bool:
    if _DIGIT.search(value) or (quoted and _SYMBOL.search(value)):
        return True
    return len(value) >= 16 and restlessness(value) >= 0.4


def _is_strong(words: list[bytes]) -> bool:
    pairs = pairwise(words)
    return not _STRONG.isdisjoint(words) or any(pair in _STRONG_PAIRS for pair in pairs)


def _goes_on_as_code(match: re.Match[bytes]) -> bool:
    return match.string[match.end() : match.end() + 1] in (b"(", b"[", b"{")


def _operator_fits(match: re.Match[bytes], quoted: bool) -> bool:
    """A comma only between quoted arguments, a blank only after a flag or in .netrc, `is` only for odd values."""
    operator = match.group("op").strip()
    if operator == b",":
        ahead = match.string[max(0, match.start() - 60) : match.start()]
        return (
            quoted
            and restlessness(secret_of(match)) >= 0.25
            and re.search(rb"\(\s?\\?[\"'][\w.-]*\Z", ahead) is not None
        )
    if operator in _ONLY_QUOTED:
        return quoted
    if operator == b":" and b":" in (match.string[match.start() - 1 : match.start()], secret_of(match)[:1]):
        return False  # a part of arn:aws:…:secret:name, or test_token.py::test_name
    if operator == b"":
        ahead = match.string[max(0, match.start() - 60) : match.start()]
        return _FLAG.search(ahead) is not None or b"login " in ahead
    return True


def is_secret_in_env(match: re.Match[bytes]) -> bool:
    """`NAME=value` that fills a line; the value may have any symbols."""
    data, start = match.string, match.start()
    line = data[max(0, start - 80) : start].rpartition(b"\n")[2]
    if not re.fullmatch(rb"(?:.*\\n)?[ \t]*(?:- |export |set |ENV |ARG )?[A-Z0-9_]*", line):
        return False
    words, value = name_words(match), secret_of(match)
    if not _NO_SECRET.isdisjoint(words) or is_stand_in(value) or from_documentation(value) or value.endswith(b";"):
        return False
    if re.search(rb"\w\(.*\)$", value):
        return False
    password = not _PASSWORD.isdisjoint(words)
    return looks_like_password(value, True) if password else looks_like_token(value, _is_strong(words))


def is_password_in_url(match: re.Match[bytes]) -> bool:
    value = secret_of(match)
    return not (
        is_stand_in(value) or _COMMON.match(value) or re.fullmatch(rb"(?i)pw|passwd|secret|pswd|\d{1,5}|test", value)
    )


def is_password_assigned(match: re.Match[bytes]) -> bool:
    """Where only a password can stand."""
    value = secret_of(match)
    return not is_stand_in(value) and not from_documentation(value) and looks_like_password(value, quoted=False)


def is_passphrase_option(match: re.Match[bytes]) -> bool:
    """`-passin pass:…`; without the option `pass:` may be anything."""
    ahead = match.string[max(0, match.start() - 16) : match.start()]
    return re.search(rb"-pass(?:in|out)?[ =]\Z", ahead) is not None and is_password_in_url(match)


def is_random(match: re.Match[bytes]) -> bool:
    value = secret_of(match)
    return not is_stand_in(value) and not from_documentation(value) and looks_like_token(value, strong=True)
