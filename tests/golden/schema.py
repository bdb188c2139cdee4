# SPDX-License-Identifier: GPL-2.0-or-later
"""Validate golden policies against the schema on stdin; TAP.  YAML is read by the rules of YAML 1.2's core schema, as editors
read it: yes and on are text, 2027-03-31 is text."""
import json
import pathlib
import re
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    """Scalars of YAML 1.2."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("int", r"^(?:[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+)$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])):
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def integer(loader, node):
    text = node.value
    return int(text, 16) if text.startswith("0x") else int(text, 8) if text.startswith("0o") else int(text)


Core.add_constructor("tag:yaml.org,2002:int", integer)


def main():
    schema = json.load(sys.stdin)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    done = failed = 0
    for folder, wanted in (("good", True), ("meaning", True), ("structure", False)):
        for path in sorted((pathlib.Path(sys.argv[1]) / folder).glob("*.yaml")):
            error = next(iter(validator.iter_errors(yaml.load(path.read_text("utf-8"), Core))), None)
            done += 1
            ok = (error is None) == wanted
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {done} - {folder}/{path.stem}")
            if not ok:
                print("#", error.message[:300] if error else "valid, and the loader refuses its structure",
                      list(error.absolute_path) if error else "")
    canonical = sorted((pathlib.Path(sys.argv[1]) / "good").glob("*.policy"))
    for path in canonical:
        error = next(iter(validator.iter_errors(yaml.load(path.read_text("utf-8"), Core))), None)
        done += 1
        failed += error is not None
        print(f"{'not ok' if error else 'ok'} {done} - canonical/{path.stem}")
        if error:
            print("#", error.message[:300], list(error.absolute_path))
    print(f"1..{done}")
    return failed != 0


sys.exit(main())
