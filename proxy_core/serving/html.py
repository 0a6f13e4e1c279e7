"""The frame of the pages for people: no script, nothing fetched from anywhere, light and dark, wide and narrow."""

from __future__ import annotations

from html import escape

from proxy_core.exchange.answers import Answer

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2126; --soft: #59636e; --line: #d8dee4; --box: #f6f8fa; --back: #fff;
  --get: #0a6640; --post: #0b57b0; --link: #0b57b0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a0a8b1; --line: #363c44; --box: #1d2229;
  --back: #14181d; --get: #5fd19b; --post: #7db7ff; --link: #7db7ff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 54rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p { margin: .5rem 0 } a { color: var(--link) } .soft { color: var(--soft) }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { background: var(--box); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
  overflow-wrap: normal; margin: .5rem 0 }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0 }
summary { padding: .55rem .75rem; cursor: pointer } details > div { padding: 0 .75rem .75rem }
.verb { font-weight: 600; margin-right: .4rem } .get { color: var(--get) } .post { color: var(--post) }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid var(--line); padding: .35rem .5rem .35rem 0;
  vertical-align: top } td:first-child { white-space: nowrap }
@media (max-width: 34rem) { td { display: block; border: 0; padding: 0 } td:first-child { padding-top: .5rem } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def html_answer(title: str, body: str) -> Answer:
    """`title` is text, `body` is HTML."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", _POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]
    return Answer(200, headers, page.encode())
