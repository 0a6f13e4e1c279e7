"""Texts without a secret that look as if they had one."""
# ruff: noqa: E501 - lines of lock files and minified code are long

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.redaction.corpus import Example, Maker, lines_of

RANDOM: dict[str, tuple[str, ...]] = {
    "git": (
        "commit {hex:40}\nAuthor: Ada <ada@acme.dev>\nDate:   Fri Nov 20 10:12:01 2026\n\n    Fix token refresh\n",
        "index {hex:7}..{hex:7} 100644\n--- a/src/auth.py\n+++ b/src/auth.py\n",
        "From https://github.com/acme/api\n   {hex:10}..{hex:10}  main -> origin/main\n",
        "uses: actions/checkout@{hex:40} # v4",
    ),
    "uuid": (
        "request_id={uuid} user={uuid} status=200",
        '{"id": "{uuid}", "session": "{uuid}", "key_id": "{uuid}"}',
        "DELETE FROM jobs WHERE id = '{uuid}';",
        "trace {hex:32} span {hex:16} parent {hex:16}",
    ),
    "hash": (
        "sha256:{hex:64}",
        "{hex:64}  parley-1.2.0.tar.gz",
        "FROM python:3.12-slim@sha256:{hex:64}",
        'ETag: "{hex:32}"\nContent-MD5: {b64:22}==',
        "cache_key = '{hex:40}'",
        'password_hash: "{hex:64}"',
        "token_hash = sha256(token).hexdigest()  # {hex:64}",
    ),
    "lock": (
        '    "node_modules/js-tokens": {\n      "version": "4.0.0",\n      "resolved": "https://registry.npmjs.org/js-tokens/-/js-tokens-4.0.0.tgz",\n      "integrity": "sha512-{b64:86}=="\n    },',
        'name = "secrecy"\nversion = "0.8.0"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{hex:64}"\n',
        '    {file = "cryptography-42.0.5.whl", hash = "sha256:{hex:64}"},',
        "github.com/golang-jwt/jwt/v5 v5.2.1 h1:{b64:43}=\ngithub.com/golang-jwt/jwt/v5 v5.2.1/go.mod h1:{b64:43}=",
        'token-stream@^1.0.2:\n  version "1.0.2"\n  resolved "https://registry.yarnpkg.com/token-stream/-/token-stream-1.0.2.tgz#{hex:40}"',
        "  /jsonwebtoken@9.0.2:\n    resolution: {integrity: sha512-{b64:86}==}\n    engines: {node: '>=12', npm: '>=6'}",
    ),
    "base64": (
        '<img src="data:image/png;base64,iVBORw0KGgo{b64:900}=" alt="logo">',
        "src: url(data:font/woff2;base64,d09GMgAB{b64:700}) format('woff2')",
        '{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4AAQSkZJRg{b64:1200}"}}',
        "-----BEGIN CERTIFICATE-----\nMIID{b64:60}\n{b64:64}\n{b64:64}\n{b64:32}==\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB{b64:60}\n{b64:64}\n{b64:24}==\n-----END PUBLIC KEY-----",
        "ssh-rsa AAAAB3NzaC1yc2E{b64:350} ada@laptop",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43} ada@laptop",
    ),
    "minified": (
        "!function(e,t){var n=e.key||t.token,r=n?n.length:0;for(var i=0;i<r;i++)o[{dig:3}]=n.charCodeAt(i)^0x{hex:4}}(a,b);var secret=c({dig:5},d.{word},f[{dig:2}])",
        "var a1b2='{b62:8}',t=function(e){return e.password=e.p,e.token=s(e.t{dig:2}),e};module.exports={apiKey:u.k{dig:2}}",
        ".css-{low:7}{color:#{hex:6}}.sk-{low:6}-x{margin:0}.token-{low:5}{padding:1px}",
        "//# sourceMappingURL=main.{hex:20}.js.map\n/*! chunk-{hex:20} */",
        '(self.webpackChunk=self.webpackChunk||[]).push([[{dig:4}],{{dig:5}:(e,t,n)=>{"use strict";n.d(t,{Z:()=>s});const key=n({dig:5})}}])',
    ),
    "ids": (
        "call_{b62:24} toolu_01{b62:22} msg_01{b62:22} resp_{hex:48} req_011C{b62:20}",
        "arn:aws:iam::{dig:12}:role/deploy i-{hex:17} vpc-{hex:17} ami-{hex:17}",
        "cus_{b62:14} pi_{b62:24} price_{b62:24} prod_{b62:14}",
        "https://www.youtube.com/watch?v={url:11} https://docs.google.com/document/d/1{url:43}/edit",
        "pk_live_{b62:24} is the publishable one",
        "AROA{b32:17} AIDA{b32:17} (ids of a role and a user)",
        "next_page_token: {b62:40}",
        '{"nextPageToken": "{url:44}", "items": []}',
        '<input type="hidden" name="csrf_token" value="{b62:40}">',
        "0x{hex:64}\n0x{hex:40} sent 0.5 ETH",
        "thread_{b62:24} run_{b62:24} file-{b62:22} asst_{b62:24}",
        "secretName: app-{low:10}-{low:5}\nsecretKeyRef:\n  name: db-{low:5}\n  key: password",
    ),
    "numbers": (
        '{"max_tokens": {dig:6}, "prompt_tokens": {dig:5}, "completion_tokens": {dig:4}, "total_tokens": {dig:6}}',
        "token_count={dig:9} tokens/s={dig:3}.{dig:4}",
        "tokens: {dig:8}\nexpires_at: {dig:10}\nkey_size: 4096",
        "pad_token_id={dig:5} eos_token_id={dig:6}",
    ),
}

FIXED: tuple[str, ...] = (
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "password = os.environ['DB_PASSWORD']",
    'api_key=os.getenv("OPENAI_API_KEY")',
    "const token = process.env.GITHUB_TOKEN;",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "password: ${DB_PASSWORD:-changeme}",
    "OPENAI_API_KEY=your-api-key-here",
    "OPENAI_API_KEY=sk-...",
    "ANTHROPIC_API_KEY=sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "export GITHUB_TOKEN=<your token>",
    "password: str = Field(min_length=12, max_length=128)",
    "def login(username: str, password: str) -> Token: ...",
    'raise ValueError("password must have at least 12 characters, one of them a digit")',
    "if user.password != hashed_password_v2: raise InvalidCredentials401()",
    "access_token = await self.oauth2_client.fetch_token(code)",
    "secret_key = settings.SECRET_KEY",
    "this.apiKey = config.services.openai.apiKey2;",
    "tokens = tokenizer.encode(text, add_special_tokens=False)",
    'tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B-Instruct")',
    "private_key_path = /etc/ssl/private/server.key",
    'credentials_file: "~/.aws/credentials2"',
    "secret_arn: arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-a1B2c3",
    "password: vault:secret/data/prod#db_password1",
    "api_key: op://Private/OpenAI/credential2",
    'placeholder="Password (8+ characters)" type="password" autocomplete="current-password"',
    "The -----BEGIN PRIVATE KEY----- header says that PKCS #8 follows; -----END PRIVATE KEY----- ends it.",
    "A JWT has three parts: header.payload.signature, for example eyJhbGciOi... and so on",
    "curl -H 'Authorization: Bearer $TOKEN' https://api.acme.dev",
    'headers = {"Authorization": f"Bearer {self.access_token_v2}"}',
    "postgresql://user:password@localhost:5432/app",
    "postgres://postgres:postgres@db:5432/postgres",
    "redis://:${REDIS_PASSWORD}@cache:6379/0",
    "https://user:pass@proxy.example.com:8080",
    "mongodb://<username>:<password>@cluster0.mongodb.net",
    "git clone git@github.com:acme/api.git && ssh://git@host:2222/x",
    "http://localhost:8000/v1/chat@latest and http://[::1]:3000/a@b",
    "Use risk-adjusted-returns-for-portfolio-2026 and task-force-members-list-2026-11 as slugs.",
    'class="sk-loading-spinner-container-animated-v2"',
    "sk-learn-pipeline-feature-union-transformer-2",
    "import { SecretsManagerClient, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';",
    "const PASSWORD_RESET_URL = '/api/v2/password/reset/confirm';",
    "password_reset_token_expiry_hours = 24",
    'TOKEN_URL = "https://login.acme.dev/oauth2/v2.0/token"',
    "grant_type=client_credentials&scope=read:items2",
    'Error: Invalid token "}" at line 42 column 17 of config.json5',
    "SyntaxError: Unexpected token '<', \"<!DOCTYPE h\"... is not valid JSON",
    "keyboard_shortcut_key = 'ctrl+shift+F12'",
    "primary_key=True, foreign_key='users.id', unique_key='email_address_1'",
    "S3 key: uploads/2026/11/20/IMG_20261120_101201.jpeg",
    "partition_key = 'customer#1234567890ab#orders'",
    "public_key = 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1b2c3d4e5f6a7b8c9d0'",
    "authorName: 'J. K. Rowling 1965', authority: 'auth0-tenant-7'",
    "ssh -i ~/.ssh/id_ed25519_work -p 2222 deploy@10.0.0.7",
    "docker run -u 1000:1000 -p 8080:8080 acme/api:1.4.2",
    "Basic authentication is deprecated; Basic dGVzdA== decodes to test",
    "[redacted] password=******** token=**** secret=XXXXXXXXXXXX",
    "apiVersion: v1\nkind: ServiceAccount\nautomountServiceAccountToken: false",
    "the password is case-sensitive and the token is valid for 24 hours",
    "set -euo pipefail; PWD=/home/ada/work; OLDPWD=/home/ada/src2",
    "api_key_env: OPENAI_API_KEY_2\ntoken_env_var: GH_TOKEN_V2",
    "jwt.decode(token, key=PUBLIC_KEY_2, algorithms=['RS256', 'ES384'])",
    'secret: {"type": "string", "description": "Secret of OAuth2 client, 32 chars"}',
    "--token-file /run/secrets/token1 --password-stdin --key-id ab12cd34",
    "assert response.json()['access_token'] == expected_token_2",
)


def lookalikes(seed: int = 2, each: int = 6) -> Iterator[Example]:
    """At least 300 texts without a secret."""
    maker = Maker(seed)
    for family, forms in RANDOM.items():
        for form in forms:
            for _ in range(each):
                yield Example(family, maker.string(form))
    for text in FIXED:
        yield Example("code", text)
    for line in lines_of("lookalikes.txt"):
        yield Example("written", maker.string(line))
    for number in range(20):
        digest = hashlib.sha256(f"{seed}-{number}".encode()).hexdigest()
        yield Example("blob", f"{digest[:8]}: {maker.string('{b64:200}')}\n{digest}\n{maker.string('{url:120}')}")
