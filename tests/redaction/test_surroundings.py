"""What stands around a secret without a form of its own: languages, files, shells, prose."""

from __future__ import annotations

import pytest

from proxy_core.redaction.finder import Finder
from tests.redaction.corpus import Maker

FINDER = Finder()

WITH_SECRET: dict[str, tuple[str, str]] = {
    "mysql flag": ("mysql -u root -p{} -h db prod", "{pw:12}"),
    "aws command": ("aws configure set aws_secret_access_key {}", "{b64:40}"),
    "prose": ("my password is {}", "Tr0ub4dor&3"),
    "prose with colon": ("The API key: {}.", "{b62:32}"),
    "short and quoted": ('password = "{}"', "hunter2"),
    "short and bare": ("password=hunter2", "hunter2"),
    "keyword argument": ("connect(host='x', password='{}')", "{pw:10}"),
    "url": ("postgres://admin:{}@db.example.com/app", "s3cr3tP4ss"),
    "at sign in a url": ("ftp://bob:{}@ftp.x.io", "p@ss1word"),
    "header": ("x-api-key: {}", "{b62:32}"),
    "django": ("SECRET_KEY='django-insecure-{}'", "{low:50}"),
    "rails": ("secret_key_base: {}", "{hex:128}"),
    "spring": ("spring.datasource.password={}", "{pw:12}"),
    "php": ("define('DB_PASSWORD', '{}');", "{pw:14}"),
    "go": ('apiKey := "{}"', "{b62:32}"),
    "java": ('private static final String API_KEY = "{}";', "{b62:32}"),
    "ruby": (":api_key => '{}'", "{b62:32}"),
    "c#": ('var apiKey = @"{}";', "{b62:32}"),
    "query": ("GET /v1?api_key={}&x=1", "{b62:32}"),
    "fragment": ("https://x.io/cb#access_token={}&expires=1", "{b62:40}"),
    "dockerfile": ("ENV POSTGRES_PASSWORD {}", "{pw:14}"),
    "compose": ("      - MYSQL_ROOT_PASSWORD={}", "{pw:14}"),
    "symbols in .env": ("DB_PASSWORD={}", "x7&Kp(9z;qR"),
    "xml attribute": ('<add key="ApiKey" value="{}" />', "{b62:32}"),
    "name and value": ('[{{"key":"api_key","value":"{}"}}]', "{b62:32}"),
    "before a command": ("PGPASSWORD={} psql -h x", "{pw:12}"),
    "openssl": ("openssl rsa -passin pass:{} -in k", "{pw:12}"),
    "hex": ("  token: '{}'", "{hex:40}"),
    "cookie": ("Set-Cookie: session={}; HttpOnly", "{b62:40}"),
    "table": ("| API Key | `{}` |", "{b62:32}"),
    "bold": ("**Password:** `{}`", "{pw:12}"),
    "pgpass": ("db.acme.dev:5432:app:robot:{}", "{pw:12}"),
    "run together": ('mypassword = "{}"', "{pw:12}"),
}


@pytest.mark.parametrize("name", list(WITH_SECRET))
def test_found_whole(name: str) -> None:
    form, kind = WITH_SECRET[name]
    secret = Maker(len(name)).string(kind)
    data = form.format(secret).encode()
    start = data.index(secret.encode())
    found = [(finding.start, finding.end) for finding in FINDER.find(data)]
    assert any(a <= start and b >= start + len(secret) for a, b in found), (data, found)


WITHOUT: tuple[str, ...] = (
    "private_key: PKCS7PrivateKeyTypes,",
    'MovedAttribute("HTTPPasswordMgr", "urllib2", "urllib.request")',
    "'price_key': 'cache_write_5m_mtok',",
    "key: Ed448PrivateKey | X25519PrivateKey | X448PrivateKey",
    'TOKEN = r"[-!#$%&\'*+.^_`|~0-9a-zA-Z]+"',
    "token = lexer.next_token_2(source)",
    "if token != previous_token2: continue",
    "passwords = ['ssh2_auth_password', 'ssh2_auth_pubkey_file']",
)


@pytest.mark.parametrize("text", WITHOUT)
def test_code_is_left_alone(text: str) -> None:
    assert FINDER.find(text.encode()) == ()
