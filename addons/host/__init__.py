"""What is done to mitmproxy itself.

stream      the HTTP stream that runs exchanges: send again in place, cut, cancel
hedging     attempts side by side: another beside one that is slow
binding     our streams in the place of mitmproxy's
exchanges   which flow has which exchange, and how an attempt is shown as a flow
guard       every hook of ours fails closed
lean        mitmproxy's event handling made cheaper
"""
