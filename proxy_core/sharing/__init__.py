"""What several proxies behind one address know together: sessions, resting keys, backends that are down.

identity    what all of them derive from the client key, so that nothing of a key or a prompt is written down
changes     the entries of the common log, and what is stored of a session
notes       what is told of a session, and what has changed since it was last told
replica     this program's part: what has changed here, what others changed
redis_log   the log and the store in Redis
link        reads and writes them while requests are served; memory is what counts while Redis is away
"""
