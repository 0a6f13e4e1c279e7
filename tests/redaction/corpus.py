"""A labelled corpus, made anew on every run: nothing that looks like a secret is in the repository.

`secrets()` are texts with a fake secret each, in the forms that vendors document; `lookalikes()` have none. The forms
are written down here on their own, not taken from the rules.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "url": string.ascii_letters + string.digits + "-_",
    "b64": string.ascii_letters + string.digits + "+/",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "UP": string.ascii_uppercase + string.digits,
    "b32": string.ascii_uppercase + "234567",
    "low32": string.ascii_lowercase + "234567",
    "b58": "".join(sorted(set(string.ascii_letters + string.digits) - set("0OIl"))),
    "low": string.ascii_lowercase + string.digits,
    "dig": string.digits,
    "pw": string.ascii_letters + string.digits + "!%*+-_.~^",
}


_PIECE = re.compile(r"\{(uuid|word|sym|bech|" + "|".join(ALPHABETS) + r")(?::(\d+))?\}")


@dataclass(frozen=True)
class Example:
    """`secrets` are what must be hidden in `text`; none in a look-alike."""

    family: str
    text: str
    secrets: tuple[str, ...] = ()


FORMS: dict[str, str] = {
    "anthropic": "sk-@ant-api03-{url:93}AA",
    "anthropic-oauth": "sk-@ant-oat01-{url:80}AA",
    "anthropic-admin": "sk-@ant-admin01-{url:93}AA",
    "openai-project": "sk-@proj-{url:74}T3BlbkFJ{url:74}",
    "openai-service": "sk-@svcacct-{url:58}T3BlbkFJ{url:58}",
    "openai-legacy": "sk-@{b62:20}T3BlbkFJ{b62:20}",
    "deepseek": "sk-@{hex:32}",
    "openrouter": "sk-@or-v1-{hex:64}",
    "google": "AI@za{url:35}",
    "google-client-secret": "GOCS@PX-{url:28}",
    "google-access-token": "ya@29.{url:120}",
    "groq": "gs@k_{b62:52}",
    "xai": "xa@i-{b62:80}",
    "huggingface": "h@f_{b62:34}",
    "replicate": "r@8_{b62:37}",
    "perplexity": "pp@lx-{b62:48}",
    "nvidia": "nv@api-{url:64}",
    "elevenlabs": "s@k_{hex:48}",
    "langsmith": "lsv2_@pt_{hex:32}_{hex:10}",
    "pinecone": "pc@sk_{b62:6}_{b62:60}",
    "github-classic": "gh@p_{b62:36}",
    "github-oauth": "gh@o_{b62:36}",
    "github-app": "gh@s_{b62:36}",
    "github-fine-grained": "github_@pat_{b62:22}_{b62:59}",
    "gitlab-pat": "gl@pat-{url:20}",
    "gitlab-runner": "gl@rt-{url:20}",
    "slack-bot": "xox@b-{dig:12}-{dig:13}-{b62:24}",
    "slack-user": "xox@p-{dig:12}-{dig:12}-{dig:13}-{hex:32}",
    "slack-app": "xa@pp-1-{UP:11}-{dig:13}-{hex:64}",
    "stripe-live": "sk_@live_{b62:24}",
    "stripe-test": "sk_@test_{b62:99}",
    "stripe-restricted": "rk_@live_{b62:24}",
    "stripe-webhook": "wh@sec_{b62:32}",
    "twilio": "S@K{hex:32}",
    "sendgrid": "S@G.{url:22}.{url:43}",
    "mailgun": "ke@y-{hex:32}",
    "mailchimp": "{hex:32}-@us12",
    "brevo": "xkeys@ib-{hex:64}-{b62:16}",
    "npm": "np@m_{b62:36}",
    "pypi": "py@pi-AgEIcHlwaS5vcmc{url:150}",
    "rubygems": "ruby@gems_{hex:48}",
    "docker": "dckr_@pat_{url:27}",
    "aws-id": "AK@IA{b32:16}",
    "aws-temporary-id": "AS@IA{b32:16}",
    "digitalocean": "dop_@v1_{hex:64}",
    "azure-client-secret": "{b62:3}8@Q~{b62:34}",
    "databricks": "da@pi{hex:32}",
    "hashicorp-vault": "hv@s.{url:95}",
    "terraform": "{b62:14}.atlas@v1.{url:67}",
    "doppler": "dp.@pt.{b62:43}",
    "pulumi": "pu@l-{hex:40}",
    "planetscale": "pscale_@tkn_{url:43}",
    "supabase": "sb@p_{hex:40}",
    "tailscale": "tsk@ey-auth-{b62:12}-{b62:32}",
    "netlify": "nf@p_{b62:36}",
    "shopify": "shp@at_{hex:32}",
    "square": "sq0@atp-{url:22}",
    "telegram": "{dig:10}:A@A{url:33}",
    "discord": "M{b62:25}.G@{url:5}.{url:38}",
    "notion": "nt@n_{dig:11}{b62:35}",
    "linear": "lin_@api_{b62:40}",
    "figma": "fig@d_{url:40}",
    "airtable": "pa@t{b62:14}.{hex:64}",
    "postman": "PM@AK-{hex:24}-{hex:34}",
    "new-relic": "NR@AK-{UP:27}",
    "grafana": "gl@sa_{b62:32}_{hex:8}",
    "sentry": "sntr@yu_{hex:64}",
    "dynatrace": "dt0@c01.{UP:24}.{UP:64}",
    "hubspot": "pa@t-na1-{uuid}",
    "atlassian": "ATA@TT3{url:180}",
    "sonar": "sq@p_{hex:40}",
    "age": "AGE-SECRET-@KEY-1{bech:58}",
}
"""`@` keeps the source apart from a token and vanishes; `{alphabet:length}` is random."""

ASSIGNED: dict[str, tuple[str, str]] = {
    "aws-secret": ("aws_secret_access_key", "{b64:40}"),
    "datadog": ("DATADOG_API_KEY", "{hex:32}"),
    "mistral": ("MISTRAL_API_KEY", "{b62:32}"),
    "cohere": ("COHERE_API_KEY", "{b62:40}"),
    "heroku": ("HEROKU_API_KEY", "{uuid}"),
    "cloudflare": ("CLOUDFLARE_API_TOKEN", "{url:40}"),
    "client-secret": ("client_secret", "{url:40}"),
    "api-key": ("api_key", "{b62:32}"),
    "hex-key": ("SECRET_KEY", "{hex:64}"),
    "access-token": ("access_token", "{b62:48}"),
    "signing-key": ("JWT_SIGNING_KEY", "{b64:44}"),
    "password": ("DB_PASSWORD", "{pw:16}"),
    "short-password": ("password", "{word}{dig:2}{sym}{UP:2}"),
    "passwd": ("smtp_passwd", "{pw:12}"),
    "app-key": ("APP_KEY", "{b64:43}"),
    "auth-token": ("auth_token", "{hex:40}"),
    "webhook-secret": ("WEBHOOK_SECRET", "{b62:28}"),
    "camel": ("apiSecret", "{b62:36}"),
}

CONTEXTS: dict[str, str] = {
    "prompt": "Please deploy this with my credentials, the {NAME} is {value} and the region eu-west-1. Thanks!",
    "env": "# production\nDEBUG=false\n{NAME}={value}\nPORT=8080\n",
    "export": "$ export {NAME}={value}\n$ make deploy\nok",
    "python": 'import os\n\n{name} = "{value}"\nclient = Client({name}, timeout=30)\n',
    "js": "const config = {{\n  {camel}: '{value}',\n  retries: 3,\n}};\n",
    "yaml": "service:\n  name: api\n  {name}: {value}\n  replicas: 2\n",
    "json": '{{"name": "demo", "{name}": "{value}", "debug": true}}',
    "escaped": '{{"content": "{{\\"{name}\\": \\"{value}\\"}}\\nnext line"}}',
    "log": '2026-11-20T10:12:01Z INFO worker[12] loaded settings {name}="{value}" in 12ms',
    "toml": '[auth]\n{name} = "{value}"\nretries = 3\n',
    "flag": "RUN ./tool --verbose --{kebab} {value} --out dist/\n",
    "diff": '-{name} = ""\n+{name} = "{value}"\n unchanged\n',
}
"""`{name}` in its four spellings, the secret as `{value}`."""


class Maker:
    """Random strings in a given form; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def string(self, form: str) -> str:
        return _PIECE.sub(self._piece, form)

    def _piece(self, match: re.Match[str]) -> str:
        kind, length = match.group(1), int(match.group(2) or 0)
        if kind == "uuid":
            return str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        if kind == "word":
            return self.random.choice(["Sunset", "maple", "Orbit", "falcon", "Quartz"])
        if kind == "sym":
            return self.random.choice("!#%*-_")
        if kind == "bech":
            return "".join(self.random.choices("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", k=length))
        text = "".join(self.random.choices(ALPHABETS[kind], k=length))
        return text if kind != "pw" else self._odd(text)

    def _odd(self, text: str) -> str:
        """A password that ends in no punctuation of a sentence, with a digit and a letter in it."""
        return self.random.choice(string.ascii_letters) + text[1:-2] + self.random.choice("23456789") + "k"


def secrets(seed: int = 1, each: int = 5) -> Iterator[Example]:
    """At least 300 texts, `each` of every family in different surroundings."""
    maker = Maker(seed)
    contexts = list(CONTEXTS)
    for family, form in FORMS.items():
        for context in maker.random.sample([*contexts, "bare"], each):
            value = maker.string(form.replace("@", ""))
            yield Example(family, _placed(context, f"{family}_token".replace("-", "_"), value), (value,))
    for family, (name, form) in ASSIGNED.items():
        for context in maker.random.sample(contexts, each):
            value = maker.string(form)
            yield Example(family, _placed(context, name, value), (value,))
    for family, make in STRUCTURED.items():
        for _ in range(each):
            text, *values = make(maker)
            yield Example(family, text, tuple(values))
    yield from _marked(maker)


def lines_of(name: str) -> Iterator[str]:
    """The texts of a file, one a line, `\\n` for its ends."""
    for line in (Path(__file__).parent / name).read_text("utf-8").splitlines():
        yield line.replace("\\n", "\n")


def _marked(maker: Maker) -> Iterator[Example]:
    """Of secrets.txt, whose forms a tester wrote down without looking at the rules; the secret stands in brackets."""
    for line in lines_of("secrets.txt"):
        before, secret, after = re.split("[⟦⟧]", maker.string(line))
        yield Example("marked", before + secret + after, (secret,))


def _placed(context: str, name: str, value: str) -> str:
    if context == "bare":
        return f"I get a 401 with this one:\n\n    {value}\n\nCan you see why?"
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)
    camel = words[0].lower() + "".join(word.title() for word in words[1:])
    spelt = {"name": "_".join(words).lower(), "NAME": "_".join(words).upper(), "camel": camel}
    return CONTEXTS[context].format(value=value, kebab="-".join(words).lower(), **spelt)


def _key_block(maker: Maker, kind: str, joint: str = "\n") -> str:
    lines = [maker.string("{b64:64}") for _ in range(maker.random.randint(4, 26))]
    body = joint.join([f"-----BEGIN {kind}-----", *lines, maker.string("{b64:22}=="), f"-----END {kind}-----"])
    return body


def _pem(maker: Maker) -> tuple[str, str]:
    kind = maker.random.choice(["RSA", "EC", "OPENSSH", "ENCRYPTED", "DSA"]) + " PRIVATE " + "KEY"
    block = _key_block(maker, kind)
    return f"$ cat ~/.ssh/id\n{block}\n$ ls\n", block


def _service_account(maker: Maker) -> tuple[str, str]:
    block = _key_block(maker, "PRIVATE " + "KEY", "\\n")
    return (
        f'{{"type": "service_account", "private_key": "{block}\\n", "client_id": "{maker.string("{dig:21}")}"}}',
        block,
    )


def _jwt(maker: Maker) -> tuple[str, str]:
    parts = [
        {"alg": "RS256", "typ": "JWT"},
        {"sub": maker.string("{dig:9}"), "exp": maker.random.randint(10**9, 2 * 10**9)},
    ]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    token = ".".join([*encoded, maker.string("{url:86}")])
    return f"GET /v1/me HTTP/1.1\nHost: api.acme.dev\nAuthorization: Bearer {token}\n", token


def _bearer(maker: Maker) -> tuple[str, str]:
    value = maker.string("{b62:40}")
    return f"curl -sS https://api.acme.dev/v1/items -H 'Authorization: Bearer {value}' | jq .", value


def _basic(maker: Maker) -> tuple[str, str]:
    value = base64.b64encode(f"deploy:{maker.string('{pw:14}')}".encode()).decode()
    return f"> POST /login HTTP/1.1\n> Authorization: Basic {value}\n> Accept: */*", value


def _database(maker: Maker) -> tuple[str, str]:
    scheme = maker.random.choice(["postgresql", "mysql", "mongodb+srv", "redis", "amqp"])
    value = maker.string("{pw:14}")
    return f'DATABASE_URL="{scheme}://app:{value}@db.internal:5432/prod?sslmode=require"\n', value


def _ado(maker: Maker) -> tuple[str, str]:
    value = maker.string("{pw:15}")
    return f"Server=tcp:sql.acme.net,1433;Database=crm;User ID=app;Password={value};Encrypt=True;", value


def _azure_storage(maker: Maker) -> tuple[str, str]:
    value = maker.string("{b64:86}==")
    return (
        "DefaultEndpointsProtocol=https;AccountName=acme;Account" + f"Key={value};EndpointSuffix=core.windows.net",
        value,
    )


def _slack_webhook(maker: Maker) -> tuple[str, str]:
    value = maker.string("T{UP:10}/B{UP:10}/{b62:24}")
    return "curl -X POST https://hooks.slack" + f".com/services/{value} -d '{{}}'", value


def _curl_user(maker: Maker) -> tuple[str, str]:
    value = maker.string("{pw:13}")
    return f"curl -u admin:{value} https://ci.acme.dev/job/build", value


def _netrc(maker: Maker) -> tuple[str, str]:
    value = maker.string("{b62:18}7")
    return f"machine git.acme.dev login robot password {value}\n", value


def _npmrc(maker: Maker) -> tuple[str, str]:
    value = str(uuid.UUID(int=maker.random.getrandbits(128), version=4))
    return "registry=https://npm.acme.dev/\n//npm.acme.dev/:_auth" + f"Token={value}\n", value


def _wireguard(maker: Maker) -> tuple[str, str]:
    value = maker.string("{b64:43}=")
    return "[Interface]\nPrivate" + f"Key = {value}\nAddress = 10.0.0.2/32\n", value


def _kubernetes(maker: Maker) -> tuple[str, str]:
    value = base64.b64encode(maker.string("{pw:18}").encode()).decode()
    return f"apiVersion: v1\nkind: Secret\ndata:\n  username: YWRtaW4=\n  password: {value}\n", value


def _xml(maker: Maker) -> tuple[str, str]:
    value = maker.string("{pw:14}")
    return f"<server>\n  <id>central</id>\n  <password>{value}</password>\n</server>", value


def _call(maker: Maker) -> tuple[str, str]:
    value = maker.string("{b62:30}")
    return f'vault.put("api_key", "{value}")\nvault.commit()', value


STRUCTURED: dict[str, Callable[[Maker], tuple[str, ...]]] = {
    "pem": _pem,
    "service-account": _service_account,
    "jwt": _jwt,
    "bearer": _bearer,
    "basic": _basic,
    "database-url": _database,
    "ado": _ado,
    "azure-storage": _azure_storage,
    "slack-webhook": _slack_webhook,
    "curl-user": _curl_user,
    "netrc": _netrc,
    "npmrc": _npmrc,
    "wireguard": _wireguard,
    "kubernetes": _kubernetes,
    "xml": _xml,
    "call": _call,
}
