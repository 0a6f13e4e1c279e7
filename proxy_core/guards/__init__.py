"""What nobody may do with this proxy, whoever asks.

addresses   where no request may be sent: ourselves, metadata services, private networks
transport   httpx with those checks at each hop, the checked address pinned
origins     browser pages that are not ours
limits      sizes, depths, numbers and times; the HTTP_PROXY listener's key
"""
