"""The command line: one file per verb, each thin: parse, call, print.

Heavy rooms are imported inside the verbs, so that `--help` answers at once.
"""
