#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks ECS events (one JSON object a line; a syslog header before it is passed over) against the schema's field table:
ecs_check.py TABLE FILE…  Every flattened field outside ringfence.* must be in the table, with its type, array-ness, pattern and
allowed values; event.type must be one that the schema allows for some event.category given."""
import csv
import ipaddress
import json
import re
import sys

TYPES = {  # docs of the schema: which types a category expects
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "configuration": {"access", "change", "creation", "deletion", "info"},
}


def flatten(value, path=""):
    if isinstance(value, dict):
        if not value:
            yield path, value
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def wrong_type(kind, value):
    if kind in ("keyword", "constant_keyword", "wildcard", "text", "match_only_text"):
        return not isinstance(value, str)
    if kind == "long":
        return not isinstance(value, int) or isinstance(value, bool) or not -2**63 <= value < 2**63
    if kind == "date":
        return not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(value))
    if kind == "boolean":
        return not isinstance(value, bool)
    if kind == "ip":
        try:
            return str(ipaddress.ip_address(value)) != value
        except ValueError:
            return True
    return True


def check(field, row, value):
    values = value if isinstance(value, list) else [value]
    if (row["normalize"] == "array") != isinstance(value, list):
        yield f"{field}: {'an array' if row['normalize'] == 'array' else 'no array'} expected"
    for v in values:
        if wrong_type(row["type"], v):
            yield f"{field}: {v!r} is no {row['type']}"
        elif isinstance(v, str):
            if row["pattern"] and not re.fullmatch(row["pattern"], v):
                yield f"{field}: {v!r} does not match {row['pattern']}"
            if row["ignore_above"] and len(v) > int(row["ignore_above"]):
                yield f"{field}: longer than {row['ignore_above']}"
            for column in ("allowed_values", "expected_values"):
                if row[column] and v not in row[column].split(","):
                    yield f"{field}: {v!r} is not among {row[column]}"


def check_event(fields, event):
    for must in ("@timestamp", "ecs"):
        if must not in event:
            yield f"{must} is missing"
    for field, value in flatten(event):
        if field.split(".")[0] == "ringfence":
            continue
        if value in ({}, [], "", None):
            yield f"{field} is empty"
        elif field not in fields:
            yield f"{field} is no field of the schema"
        else:
            yield from check(field, fields[field], value)
    kind = event.get("event", {})
    for t in kind.get("type", []):
        if not any(t in TYPES.get(c, ()) for c in kind.get("category", [])):
            yield f"event.type {t} fits none of {kind.get('category')}"


def no_duplicates(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key twice in {keys}")
    return dict(pairs)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        fields = {row["field"]: row for row in csv.DictReader(f, delimiter="\t")}
    bad = events = 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                event = json.loads(line[line.index("{"):], object_pairs_hook=no_duplicates)
                events += 1
                for words in check_event(fields, event):
                    print(f"{path}:{number}: {words}")
                    bad += 1
    print(f"{events} events, {bad} findings")
    sys.exit(1 if bad or not events else 0)


main()
