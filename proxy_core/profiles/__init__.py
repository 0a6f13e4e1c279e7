"""What is peculiar to a vendor or a model, as rows of data. Writers ask the profile; nobody asks for names.

target      Target, Dialect, ModelProfile: what a request writer has to know of where it writes to
dialects    rows: what a vendor's edition of a protocol accepts
models      rows: what a model accepts
"""
