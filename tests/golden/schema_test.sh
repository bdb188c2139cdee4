#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The JSON Schema agrees with the loader: every policy that loads is valid, and so is every one that is refused for its meaning
# alone; those of policy/structure are not; and so for policies that chance has changed.
set -u
cd "$(dirname "$0")/../.." || exit 2
python3 -c 'import yaml, jsonschema' 2>/dev/null || { echo "python3-yaml or python3-jsonschema is not installed"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/golden/schema.py "${O:-build/plain}/loadpolicy" tests/golden/policy
