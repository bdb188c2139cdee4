#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a plan decides, the naive evaluator decides so too, now and until the answer ends; and a plan decides nearly everything of
# the example policy (agree-plan --seed N --policies N for others; --policy FILE for one of your own).
set -e
"${O:-build/plain}/agree-plan"
exec "${O:-build/plain}/agree-plan" --policy rules/policy.yaml --least 70
