"""The benchmark book: runs Strata and its peers side by side, keeps what came out, and writes the tables of docs/measurements.md.

python3 -m loadtest.book --help, from the root of the repository. Only Python's standard library is used.
"""
