# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py LOADER FOLDER: golden policies against the schema that LOADER prints, then policies that chance has changed in one
place: what the loader accepts, the schema accepts; what it refuses for its structure, the schema refuses.  TAP."""
import copy
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import jsonschema

import schema_core

CHANGES = 300
VALUES = [None, True, "true", "x", 5, [], {}, ["a", "b"], {"a": 1}, "10.0.0.1", "2027-01-01", "any", ["any"], ""]
# A key or a shape; what one entry needs because of another of its keys ("allows and lacks") a schema does not say.
STRUCTURE = re.compile(r"takes|unknown key|(?<!allows and )lacks '|has no value|is no value of|list is empty")
MASK = re.compile("mark_mask")


class Tap:
    """Numbered results."""
    done = failed = 0

    def say(self, ok, name, *why):
        self.done += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.done} - {name}")
        if not ok:
            print("#", *why)


def first_error(validator, value):
    error = next(iter(validator.iter_errors(value)), None)
    return error and f"{error.message[:300]} {list(error.absolute_path)}"


def places(tree, path=()):
    if path:
        yield path
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from places(tree[key], path + (key,))


def change(tree):
    tree = copy.deepcopy(tree)
    path = random.choice(list(places(tree)))
    at = tree
    for key in path[:-1]:
        at = at[key]
    kind = random.random()
    if kind < .3:
        del at[path[-1]]
    elif kind < .5 and isinstance(at, dict):
        at[f"{path[-1]}x"] = at.pop(path[-1])
    else:
        at[path[-1]] = random.choice(VALUES)
    return tree


def changed(tap, loader, folder, validator):
    bases = [schema_core.load(path) for path in sorted((folder / "good").glob("*.yaml"))]
    for base in bases:
        base.pop("include", None)
        base.pop("inventory", None)
    wrong = []
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        for _ in range(CHANGES):
            tree = change(random.choice(bases))
            file.seek(0)
            file.truncate()
            json.dump(tree, file)
            file.flush()
            run = subprocess.run([loader, "--quiet", "--data", folder / "data", file.name], capture_output=True, text=True)
            error = first_error(validator, tree)
            said = next((line for line in run.stderr.splitlines() if ": error: " in line), "")
            if run.returncode > 1:
                wrong.append(f"status {run.returncode}: {run.stderr[:300]} {json.dumps(tree)}")
            elif run.returncode == 0 and error:
                wrong.append(f"loads, and the schema says {error}")
            elif run.returncode == 1 and not error and STRUCTURE.search(said) and not MASK.search(said):
                wrong.append(f"is valid, and the loader says {said}")
    tap.say(not wrong, f"{CHANGES} changed policies: loader and schema agree", "\n# ".join(wrong))


def main():
    loader, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    random.seed(7)
    schema = json.loads(subprocess.run([loader, "--schema"], capture_output=True, text=True, check=True).stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    tap = Tap()
    for pattern, wanted in (("good/*.yaml", True), ("good/*.policy", True), ("meaning/*.yaml", True), ("structure/*.yaml", False)):
        for path in sorted(folder.glob(pattern)):
            error = first_error(validator, schema_core.load(path))
            tap.say((error is None) == wanted, f"{path.parent.name}/{path.name}",
                    error or "valid, and the loader refuses its structure")
    changed(tap, loader, folder, validator)
    print(f"1..{tap.done}")
    return tap.failed != 0


sys.exit(main())
