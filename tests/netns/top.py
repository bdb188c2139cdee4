#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sums up `ringfence top --json` (stdin): top.py [KEY=VALUE]...: of the rows in which those are so, "flows packets bytes
packets_back bytes_back".  Keys: from, to (addresses), service, rule, device (a name)."""
import json
import sys


def value(row, key):
    if key in ("from", "to"):
        return row[key].get("address")
    if key == "device":
        return row["device"].get("name")
    return row[key]


def main():
    wanted = [word.split("=", 1) for word in sys.argv[1:]]
    rows = [r for r in json.load(sys.stdin) if all(value(r, k) == v for k, v in wanted)]
    keys = ("flows", "packets", "bytes", "packets_back", "bytes_back")
    print(*(sum(r[k] for r in rows) for k in keys))


main()
