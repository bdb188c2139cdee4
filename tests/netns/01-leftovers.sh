#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A site goes without a trace, however its test ends: normally, by INT, by TERM, by KILL.
. "$(dirname "$0")/probe.sh" || exit 2

# What the host has of us: our processes, and namespaces that only they could hold.
traces() {
	pgrep -fa "rf-$1-|rf-$1\." | grep -v pgrep
	ip netns list | grep "^rf-$1-"
	ls -d "$TMPDIR"/rf-"$1".* 2>/dev/null
}

no_traces() { [ -z "$(traces "$1")" ]; }

site_sleeps='. "$1/probe.sh"; site_up "$2"; site_servers; echo up; sleep 1000 & wait $!'

ended() { ! kill -0 "$1" 2>/dev/null || [ "$(ps -o stat= "$1" | cut -c1)" = Z ]; }

end_by() { # SIGNAL
	local name=leftovers-$1 id pid
	id=$(printf %s "$name" | sha256sum | cut -c1-6)
	# (A background command of a script would ignore INT.)
	env --default-signal=INT,QUIT unshare --mount --pid --fork --kill-child=KILL --mount-proc bash -c '
		mkdir -p /run/netns; mount -t tmpfs netns /run/netns && exec bash -c "$0" run "$@"' \
		"$site_sleeps" "$SITE_HERE" "$name" >"$TMPDIR/out" 2>&1 &
	pid=$!
	site_wait_line "$TMPDIR/out" '^up' || { not_ok "a site to end by $1" "$(cat "$TMPDIR/out")"; return; }
	[ "$1" = KILL ] || pkill "-$1" -P $pid
	[ "$1" != KILL ] || kill -KILL $pid
	site_wait "the end by $1" ended $pid
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	# After KILL nobody was left to remove the directory.
	[ "$1" != KILL ] || rm -rf "$TMPDIR"/rf-"$id".*
	site_wait 'the traces to go' no_traces "$id"
	is "after $1 nothing is left" "$(traces "$id")" ''
}

SITE_TAINT=$(cat /proc/sys/kernel/tainted)
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/rf-left.XXXXXX") || site_die 'no temporary directory'
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
for s in INT TERM KILL; do end_by $s; done
(site_up leftovers-none && site_servers && exit 0)
is 'after a normal end nothing is left' "$(traces "$(printf %s leftovers-none | sha256sum | cut -c1-6)")" ''
site_done
