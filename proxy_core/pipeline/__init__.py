"""The way of a reply from the upstream's bytes to the client's.

lanes       verbatim, edit or translate, and why
stages      what is done to events on the way; each stage is there only when it has something to do
splice      small changes to native JSON that leave every other byte alone
stream      streamed answers: hold back until something is generated, then frame by frame
whole       answers in one piece
"""
