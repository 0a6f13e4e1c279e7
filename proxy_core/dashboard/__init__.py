"""The page for people: what happens now, what was used, how the backends are."""
