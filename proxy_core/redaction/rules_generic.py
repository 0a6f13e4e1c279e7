"""Secrets told by their surroundings: key blocks, JWTs, headers, connection strings, assignments."""

from __future__ import annotations

from proxy_core.redaction.checks import is_basic_auth, is_jwt, is_key_block, is_wallet_phrase
from proxy_core.redaction.plausible import (
    is_passphrase_option,
    is_password_assigned,
    is_password_in_url,
    is_random,
    is_secret_assigned,
    is_secret_in_env,
)
from proxy_core.redaction.rule import GITLEAKS, Rule, spellings

OWASP = "https://cwe.mitre.org/data/definitions/798.html"
UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

_HEAD = r"-----BEGIN[ A-Z0-9_-]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_LINES = r"(?:(?:\s|\\[nr]|[\"'+])*+[A-Za-z0-9+/=]{40,}+)++"

KEY_BLOCKS: tuple[Rule, ...] = (
    Rule(
        "private-key",
        ("-----BEGIN ",),
        _HEAD + r"(?:[^-]|-(?!----)){40,20000}+-----END[ A-Z0-9_-]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        "https://www.rfc-editor.org/rfc/rfc7468",
        check=is_key_block,
        window=20200,
        documented=False,
        bounded=False,
    ),
    Rule(
        "private-key",
        ("-----BEGIN ",),
        _HEAD + _LINES,
        "https://www.rfc-editor.org/rfc/rfc7468",
        window=20200,
        documented=False,
        bounded=False,
    ),
    Rule(
        "private-key",
        ("-----BEGIN OpenVPN Static key",),
        r"-----BEGIN OpenVPN Static key V1-----(?:(?:\s|\\[nr])*+[0-9a-f]{32})++"
        r"(?:(?:\s|\\[nr])*+-----END OpenVPN Static key V1-----)?",
        "https://openvpn.net/community-docs/static-key-mini-howto.html",
        window=2000,
        documented=False,
    ),
    Rule(
        "putty-key",
        ("Private-Lines:",),
        r"Private-Lines: \d+\s+(?P<secret>(?:[A-Za-z0-9+/=]{8,64}\s+){2,100})",
        "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
        3.5,
        window=8000,
        documented=False,
    ),
    Rule(
        "jwt",
        ("eyJ",),
        r"eyJ[A-Za-z0-9_-]{8,3000}+\.eyJ[A-Za-z0-9_-]{8,12000}+\.[A-Za-z0-9_-]{20,1500}+",
        "https://www.rfc-editor.org/rfc/rfc7519",
        check=is_jwt,
        window=16600,
        documented=False,
    ),
    Rule(
        "jwe",
        ("eyJ",),
        r"eyJ[A-Za-z0-9_-]{8,3000}+\.[A-Za-z0-9_-]{0,3000}+\.[A-Za-z0-9_-]{12,40}+\.[A-Za-z0-9_-]{8,10000}+\.[A-Za-z0-9_-]{16,60}+",
        "https://www.rfc-editor.org/rfc/rfc7516",
        check=is_jwt,
        window=16600,
        documented=False,
    ),
)

HEADERS: tuple[Rule, ...] = (
    Rule(
        "bearer-token",
        spellings("bearer"),
        r"(?i:bearer)(?:[ \t]+|%20)(?P<secret>[A-Za-z0-9._~+/=-]{16,4000}+)",
        "https://www.rfc-editor.org/rfc/rfc6750#section-2.1",
        check=is_random,
        window=4100,
    ),
    Rule(
        "basic-auth",
        ("Basic ", "basic "),
        r"[Bb]asic[ \t]+(?P<secret>[A-Za-z0-9+/]{8,500}+={0,2})",
        "https://www.rfc-editor.org/rfc/rfc7617",
        check=is_basic_auth,
        window=600,
    ),
    Rule(
        "basic-auth",
        ("auth",),
        r"auth\\{0,3}\"\s*:\s*\\{0,3}\"(?P<secret>[A-Za-z0-9+/]{12,500}+={0,2})",
        "https://docs.docker.com/reference/cli/docker/login/",
        check=is_basic_auth,
        window=600,
    ),
    Rule(
        "authorization",
        spellings("authorization"),
        r"(?i:authorization)\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}\\{0,3}[\"'`]?"
        r"(?:[A-Za-z][A-Za-z0-9-]{1,24}[ \t]+)?(?:token=)?"
        r"(?!AWS4|Credential=)(?P<secret>[A-Za-z0-9._~+/=:-]{16,600}+)",
        "https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2",
        check=is_random,
        window=700,
    ),
    Rule(
        "signed-url",
        ("X-Amz-Signature=", "X-Goog-Signature="),
        r"X-(?:Amz|Goog)-Signature=(?P<secret>[0-9a-f]{64,512}+)",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
        2.8,
        window=600,
    ),
)

LOGINS: tuple[Rule, ...] = (
    Rule(
        "connection-string",
        ("://",),
        r"://[^\s/:@\"'<>?#]{0,120}:(?P<secret>[^\s/\"'<>?#`,]{1,256})@(?=[\w.\[-])",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        check=is_password_in_url,
        bounded=False,
    ),
    Rule(
        "curl-user",
        ("curl ",),
        r"curl [^\n|;]{0,300}?(?:-u|--user)(?:[ =]|\\?[\"'])\\?[\"']?[\w.@-]{1,80}:(?P<secret>[^\s\"'\\]{4,200}+)",
        GITLEAKS,
        2.0,
        check=is_password_in_url,
        window=700,
    ),
    Rule(
        "login-flag",
        ("sshpass ", "mysql ", "mysqldump ", "mongo ", "mongosh ", "redis-cli "),
        r"(?:(?:sshpass|mongo(?:sh)?|redis-cli) (?:[^\n|;]{0,200}? )??(?:-[pa] ?|--password[= ])"
        r"|mysql(?:dump)? (?:[^\n|;]{0,200}? )??(?:-p|--password=))\\?[\"']?"
        r"(?P<secret>(?![a-z]+\b)[^\s\"'\\-][^\s\"'\\]{4,100}+)",
        "https://dev.mysql.com/doc/refman/8.4/en/password-security-user.html",
        2.0,
        check=is_password_in_url,
    ),
    Rule(
        "pgpass",
        (":5432:",),
        r":5432:[\w*-]{1,64}:[\w-]{1,64}:(?P<secret>[^\s\"':]{4,100}+)",
        "https://www.postgresql.org/docs/current/libpq-pgpass.html",
        check=is_password_in_url,
        bounded=False,
    ),
)

SESSIONS: tuple[Rule, ...] = (
    Rule(
        "wifi-password",
        ("psk=", "wpa_passphrase="),
        r"(?:psk|wpa_passphrase)=\\?\"?(?P<secret>[^\s\"'\\]{8,64})(?=[\s\"\\]|\Z)",
        "https://w1.fi/cgit/hostap/plain/wpa_supplicant/wpa_supplicant.conf",
        2.5,
        check=is_password_in_url,
    ),
    Rule(
        "ldap-password",
        ("bindpw",),
        r"bindpw\s{0,3}[ \t=:]\s{0,3}[\"']?(?P<secret>[^\s\"']{6,100}+)",
        "https://www.openldap.org/software/man.cgi?query=ldap.conf",
        2.5,
        check=is_password_assigned,
    ),
    Rule(
        "wordpress-key",
        ("AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY", "AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT"),
        r"(?:AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)\\{0,3}[\"']\s{0,3},\s{0,8}\\{0,3}"
        r"(?P<q>[\"'])(?P<secret>(?:(?!(?P=q))[ -~]){40,90})(?P=q)",
        "https://developer.wordpress.org/advanced-administration/security/",
        3.5,
        bounded=False,
    ),
    Rule(
        "wallet-phrase",
        spellings("mnemonic") + spellings("seed", "phrase") + spellings("recovery", "phrase"),
        r"(?i:mnemonic|(?:seed|recovery)[ _-]?phrase)\\{0,3}[\"']?\s{0,3}[:=]\s{0,3}\\{0,3}[\"'`]?"
        r"(?P<secret>[a-z]{3,8}(?: [a-z]{3,8}){11,23})(?=[ \t]*(?:[\"'`\\\r\n]|\Z))",
        "https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki",
        check=is_wallet_phrase,
        documented=False,
        bounded=False,
    ),
    Rule(
        "session-cookie",
        ("session=", "sessionid=", "SESSID=", "SESSIONID=", "connect.sid="),
        r"(?:session|sessionid|SESSID|SESSIONID|connect\.sid)=(?P<secret>[A-Za-z0-9%._~+/-]{20,600}+)",
        "https://www.rfc-editor.org/rfc/rfc6265#section-8.4",
        check=is_random,
        window=700,
        bounded=False,
    ),
    Rule(
        "openssl-passphrase",
        ("pass:",),
        r"pass:(?P<secret>[^\s\"'\\]{5,200}+)",
        "https://docs.openssl.org/master/man1/openssl-passphrase-options/",
        check=is_passphrase_option,
    ),
)

_GAP = r"[ \t\w.-]{0,24}\\{0,3}[\"'`]?\]?\s{0,4}(?:=>|:=|[=:,>])\s{0,4}\\{0,3}[\"'`]?"


def _vendor(name: str, value: str, *words: str, entropy: float = 2.8) -> Rule:
    """A value whose form says nothing, assigned to a name with the vendor's."""
    keywords = tuple(form for word in (words or (name,)) for form in spellings(*word.split("-")) if " " not in form)
    pattern = r"[A-Za-z_.-]{3,24}?" + _GAP + f"(?P<secret>{value})" + r"(?![A-Za-z0-9_+/-])"
    return Rule(f"{name}-key", keywords, pattern, GITLEAKS, entropy, check=is_random, bounded=False)


VENDORS: tuple[Rule, ...] = (
    _vendor("heroku", UUID),
    _vendor("hashicorp-vault", r"s\.[A-Za-z0-9]{24}", "vault"),
    _vendor("wallet", r"(?:0x)?[0-9a-f]{64}|S[A-Z2-7]{55}|[5KL][1-9A-HJ-NP-Za-km-z]{50,51}", "seed", "privkey"),
    _vendor("snyk", UUID),
    _vendor("postmark", UUID),
    _vendor("sendbird", r"[0-9a-f]{40}"),
    _vendor("datadog", r"[a-f0-9]{32}|[a-z0-9]{40}", "datadog", "dd-api", "dd-app"),
    _vendor("cloudflare", r"[A-Za-z0-9_-]{40}|[a-f0-9]{37}", "cloudflare", "cf-api"),
    _vendor("mistral", r"[A-Za-z0-9]{32}"),
    _vendor("cohere", r"[A-Za-z0-9]{40}", "cohere", "co-api-key"),
    _vendor("azure", r"[a-f0-9]{32}|[a-z2-7]{52}"),
    _vendor("okta", r"00[\w-]{40}"),
    _vendor("codecov", UUID + r"|[a-z0-9]{32}"),
    _vendor("fastly", r"[A-Za-z0-9_-]{32}"),
    _vendor("twitch", r"[a-z0-9]{30}"),
    _vendor("twitter", r"[A-Za-z0-9]{25}|[A-Za-z0-9]{45,50}|\d{15,25}-[A-Za-z0-9]{20,40}"),
    _vendor("discord", r"[A-Za-z0-9_-]{32}|[a-f0-9]{64}"),
    _vendor("algolia", r"[a-f0-9]{32}"),
    _vendor("pagerduty", r"[A-Za-z0-9_+-]{20}", "pagerduty", "pd-api"),
    _vendor("mailgun", r"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}"),
    _vendor("travis", r"[A-Za-z0-9_-]{22}"),
    _vendor("facebook", r"[a-f0-9]{32}|\d{15,16}\|[\w-]{27,40}", "facebook", "fb-app"),
)

_NAMES = (
    "password passwd passphrase passwort kennwort pwd secret token credential credentials apikey passcode api-key "
    "access-key auth-key "
    "private-key encryption-key signing-key master-key account-key license-key shared-key session-key service-key "
    "app-key deploy-key admin-key webhook-key client-key storage-key"
)
_ABBREVIATED = ("_pass", "_PASS", 'pass"', "pass'", "dbPass", "userPass", "smtpPass", "_KEY", "_key")
_SPELT = (form for name in _NAMES.split() for form in spellings(*name.split("-")))
NAMES: tuple[str, ...] = tuple(dict.fromkeys([*_SPELT, *_ABBREVIATED]))

_OPERATOR = (
    r"(?P<op>\s{0,4}:\s{0,3}[A-Za-z_][\w\[\]|.?<>]{0,40}\s{0,3}=(?!=)"
    r"|(?:[ \t]{1,4}|,\s{0,4}\\{0,3}\"?)[vV]alue\\{0,3}\"?\s?[:=]"
    r"|[ \t]{0,16}(?:=>|:=|\?=|\|\|=|===?|!==?|=|:\*{0,2}|->|\|)"
    r"|[ \t]{0,2},|\\?>|[ \t]+(?:is|was|lautet|ist)(?:[ \t]*:)?[ \t]|[ \t]+)"
)
"""`name: str = …`, `"name", "value": …`, `name = …`, `("name", …`, `<name>…`, `name is …`, `--name …`."""

_VALUE = (
    r"(?:\s{0,16}[bBrRuUfF@$]{0,2}(?P<q>[\"'`])(?P<quoted>(?:\\[^\r\n]|(?!(?P=q))[^\\\r\n]){4,400}+)(?P=q)"
    r"|\s{0,16}\\{1,3}[\"'](?P<escaped>[^\\\"'\r\n]{4,400}+)\\{1,3}[\"']"
    r"|[ \t]{0,4}(?P<bare>(?:[^\s\"'`,;<>(){}\[\]\\&|]|&(?![\w.%-]{1,40}=)){6,400}+))"
)

ASSIGNMENTS: tuple[Rule, ...] = (
    Rule(
        "wireguard-key",
        ("PrivateKey", "PresharedKey", "PreSharedKey"),
        r"Pr(?:ivate|e[sS]hared)Key\s{0,3}=\s{0,3}(?P<secret>[A-Za-z0-9+/]{42,43}=)",
        "https://www.wireguard.com/",
        3.5,
    ),
    Rule(
        "credential",
        ("PASSWORD=", "PASSWD=", "PASS=", "PWD=", "PASSPHRASE=", "SECRET=", "TOKEN=", "KEY="),
        r"(?P<name>[A-Z]+)=(?P<secret>[^\s\"'`$<{\\][^\s\\\"'`]{5,256}+)(?=[ \t]*(?:\r?\n|\\n|\Z))",
        OWASP,
        check=is_secret_in_env,
        bounded=False,
    ),
    Rule(
        "credential",
        NAMES,
        r"(?P<name>(?:(?i:api|access|auth|private|secret|master|account|client|license|signing|encryption) "
        r"(?=(?i:key|token|secret)))?[A-Za-z_][\w.-]{1,60}+)(?:\\{0,3}[\"'`]\]?|\]|\))?" + _OPERATOR + _VALUE,
        OWASP,
        check=is_secret_assigned,
        window=600,
        bounded=False,
    ),
)
