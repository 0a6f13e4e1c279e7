"""`make bench`: bare mitmproxy and Parley side by side on this machine, over loopback only.

    scenario    what the provider is to answer, said in the model's name
    requests    what a client sends, as bytes
    replies     what the provider answers, as bytes
    upstream    the provider
    client      the load: connections that send the same request again and again
    proxies     starting what is measured, and reading its CPU time and memory
    measure     the figures of one lane
    table       the figures as Markdown
    usage       how fast the usage database answers, a table of its own
    redaction   what looking for secrets costs, another

Client and upstream are cheap, but what they cost does not matter: only the proxy's own CPU time is read.

Bare is `mitmdump -q --mode reverse:…` with `stream_large_bodies=1`: a body that has no length is then handed on from
its first byte, which is the nearest that mitmproxy comes by its options alone to streaming tokens as they come. It
buffers nothing then, also of unstreamed answers, so bare is measured at its cheapest; so is its log (`-q`), since
Parley writes none either. Parley is `parley serve` as users start it, with a configuration of its own.

Lanes are measured in turn, several rounds of all of them; the table shows the median, so that a machine that is busy
for a while does not hit one lane alone.
"""
