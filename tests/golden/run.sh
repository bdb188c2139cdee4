#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All golden tests; UPDATE=1 writes what the programs say now, to be read with git diff before it is committed.
set -u
status=0
for script in "$(dirname "$0")"/*_test.sh; do
	"$script" || status=1
done
exit $status
