#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs namespace scenarios one after the other, each in a mount and a process namespace of its own,
# so that even a killed one leaves nothing behind, and adds up their results:
#
#	tests/netns/run.sh [SCENARIO]...	names without .sh; default: every tests/netns/NN-*.sh
#
# Exit status: 0 all passed, 1 something failed, 2 could not run.  Needs root, or user namespaces.
set -u
here=$(cd "$(dirname "$0")" && pwd)
export O=${O:-build/plain}

[ $# -gt 0 ] || set -- $(cd "$here" && ls [0-9][0-9]-*.sh | sed 's/\.sh$//')
user=()
[ "$(id -u)" = 0 ] || user=(--map-root-user --map-auto)
passed=0 failed=0 skipped=0 broken=()
log=$(mktemp "${TMPDIR:-/tmp}/rf-run.XXXXXX") || exit 2
child=
trap 'rm -f "$log"' EXIT
# The scenario gets the signal, cleans up and goes; if it doesn't, it dies with its namespaces.
stop() {
	trap '' INT TERM HUP
	if [ "$child" ]; then
		pkill -TERM -P "$child" 2>/dev/null
		for _ in $(seq 100); do kill -0 "$child" 2>/dev/null || break; sleep 0.1; done
		kill -KILL "$child" 2>/dev/null
	fi
	exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

one() { # SCENARIO
	local before after rc taint
	before=$(ls /run/netns 2>/dev/null | grep -c '^rf-')
	taint=$(cat /proc/sys/kernel/tainted)
	echo "# $1"
	: >"$log"
	unshare "${user[@]}" --mount --pid --fork --kill-child=KILL --mount-proc bash -c '
		mkdir -p /run/netns 2>/dev/null
		mount -t tmpfs netns /run/netns && exec bash "$1"' run "$here/$1.sh" > >(tee "$log") 2>&1 &
	child=$!
	wait $child
	rc=$?
	child=
	sleep 0.1	# tee's last lines
	after=$(ls /run/netns 2>/dev/null | grep -c '^rf-')
	passed=$((passed + $(grep -c '^ok [0-9]* - ' "$log") - $(grep -c '^ok .*# SKIP' "$log")))
	skipped=$((skipped + $(grep -c '^ok .*# SKIP' "$log")))
	failed=$((failed + $(grep -c '^not ok ' "$log")))
	if [ $rc -gt 1 ] || ! grep -q '^1\.\.' "$log"; then
		broken+=("$1: ended with status $rc")
	fi
	[ "$before" = "$after" ] || broken+=("$1: left namespaces behind")
	[ "$taint" = "$(cat /proc/sys/kernel/tainted)" ] || broken+=("$1: tainted the kernel")
}

for s in "$@"; do
	[ -e "$here/$s.sh" ] || { echo "no scenario '$s'" >&2; exit 2; }
	one "$s"
done
for b in "${broken[@]:+${broken[@]}}"; do
	echo "not ok - $b"
	failed=$((failed + 1))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] && [ $((passed + skipped)) -gt 0 ]
