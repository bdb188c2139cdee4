#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check's netns part: every scenario, or those named in NETNS='10-matrix 20-attacks'.
cd "$(dirname "$0")" || exit 2
if ! unshare --mount --pid --fork true 2>/dev/null && ! unshare --user --map-root-user --map-auto --mount --pid --fork true 2>/dev/null; then
	echo 'neither root nor user namespaces: no network namespaces can be made'
	exit 77
fi
# Most of a scenario is waiting: three at a time, the longest first.  42-scale fills the machine's one neighbour
# table (1,024 entries on a machine as it comes): alone.
# shellcheck source=tests/lanes.sh
. ../lanes.sh
job() { exec ./run.sh "$1"; }
alone=42-scale
if [ -n "${NETNS:-}" ]; then
	# shellcheck disable=SC2086
	lanes 3 job $NETNS
	exit
fi
first='40-accounting 41-allowed 60-failures 20-attacks 32-static 10-matrix 30-reload'
rest=$(ls [0-9][0-9]-*.sh | sed 's/\.sh$//' | grep -vxF -e "$alone" $(printf -- '-e %s ' $first))
# shellcheck disable=SC2086
lanes 3 job $first $rest
status=$?
lanes 1 job $alone || status=1
exit $status
