#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bring the IEEE's CSV files into the form of ieee-prefixes.tsv: see README beside this file."""
import argparse
import csv
import html
import re
import sys

DIGITS = {"MA-L": 6, "MA-M": 7, "MA-S": 9, "IAB": 9, "CID": 6}


def rows_of_csv(path):
    with open(path, encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f):
            yield row["Assignment"].strip().upper(), row["Registry"].strip(), row["Organization Name"]


def rows_of_tsv(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                yield tuple(line.rstrip("\n").split("\t"))


def clean(name):
    """Entities decoded, every run of white space (no-break spaces too) one space; the address column is not read at all."""
    return re.sub(r"\s+", " ", html.unescape(name)).strip()


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--date", required=True, help="the day of the files, YYYY-MM-DD")
    args.add_argument("--keep", metavar="OLD.tsv", help="keep prefixes of this older list that the files lack")
    args.add_argument("csv", nargs="+")
    args = args.parse_args()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", args.date):
        sys.exit("import.py: --date is YYYY-MM-DD")
    found = set()
    for path in args.csv:
        for prefix, kind, name in rows_of_csv(path):
            if DIGITS.get(kind) != len(prefix) or not re.fullmatch("[0-9A-F]+", prefix):
                sys.exit(f"import.py: {path}: {kind} {prefix} is no prefix")
            found.add((prefix, kind, clean(name) or "Private"))
    have = {prefix for prefix, _, _ in found}
    if args.keep:
        found |= {row for row in rows_of_tsv(args.keep) if row[0] not in have}
    print("# SPDX-License-Identifier: GPL-2.0-or-later")
    print("# IEEE MAC address prefixes, imported by import.py")
    print(f"# data date: {args.date}")
    print(f"# rows: {len(found)}")
    for row in sorted(found, key=lambda row: "\t".join(row).encode()):
        print("\t".join(row))


if __name__ == "__main__":
    main()
