# SPDX-License-Identifier: GPL-2.0-or-later
"""YAML by the rules of YAML 1.2's core schema, as editors read it: yes and on are text, 2027-03-31 is text."""
import re

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


def load(path):
    return yaml.load(path.read_text("utf-8"), Core)
