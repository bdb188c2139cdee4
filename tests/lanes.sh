#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced: lanes N COMMAND JOB…  runs COMMAND JOB for every job, at most N at a time, the first named first; what
# each says is printed whole, one after the other.  Status 1 when one failed; one that failed without a "not ok" gets it.

# lanes_take COMMAND JOB…: takes the next job until there is none: who makes its directory has it.
lanes_take() {
	local command=$1 j
	shift
	for j in "$@"; do
		mkdir "$LANES_DIR/$j.taken" 2>/dev/null || continue
		"$command" "$j" >"$LANES_DIR/$j.out" 2>&1 &	# in the background, so that a signal reaches the lane
		trap "kill $! 2>/dev/null; wait; exit 143" TERM
		wait $!
		echo $? >"$LANES_DIR/$j.rc"
		trap - TERM
	done
}

lanes() {
	local n=$1 i j rc status=0
	shift
	LANES_DIR=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-lanes.XXXXXX") || return 2
	LANES_PIDS=()
	trap 'rm -rf "$LANES_DIR"' EXIT
	trap 'kill "${LANES_PIDS[@]}" 2>/dev/null; wait; exit 143' TERM INT HUP
	for ((i = 0; i < n; i++)); do
		lanes_take "$@" & LANES_PIDS+=($!)
	done
	wait
	shift
	for j in "$@"; do
		cat "$LANES_DIR/$j.out"
		rc=$(cat "$LANES_DIR/$j.rc" 2>/dev/null)
		[ "$rc" = 0 ] && continue
		status=1
		grep -q '^not ok' "$LANES_DIR/$j.out" || echo "not ok - $j: status $rc"
	done
	rm -rf "$LANES_DIR"
	return $status
}
