"""One client request and its answer, from arrival to the last byte. Knows no mitmproxy and does no I/O.

inbound     what arrived, as plain values
intake      is it ours, may they, can it be read: Inbound -> Admitted, or a ParleyError
attempt     one try at one upstream: the request to send and how its answer is to be read
exchange    the state machine that a stream layer drives: heads, data and failures in, Steps out
step        what the stream layer is to do next
"""
