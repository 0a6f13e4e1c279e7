"""`make bench`: bare mitmproxy and Parley side by side on this machine, over loopback only.

    upstream    a provider that answers with prepared bytes
    client      a load client that sends prepared bytes
    wire        those bytes
    proxies     starting what is measured, and reading its CPU time and memory
    measure     the figures of one lane
    table       figures as Markdown

Client and upstream are cheap, but what they cost does not matter: only the proxy's own CPU time is read.
"""
