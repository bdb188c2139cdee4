#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check's vm part: the machine itself, the package on a real systemd, and scenarios on Debian's stock
# kernel, where the camera networks are 802.1Q devices and the queue is nf_tables' own.
# VM='10-matrix 60-failures' names others.
# Two machines of one processor each run side by side; what they say is printed whole, one after the other.
cd "$(dirname "$0")/../.." || exit 2
export O=${O:-build/plain}
why=$(tests/vm/run.sh -t 300 true 2>&1)
case $? in
0) ;;
126)
	tail -n 1 <<<"$why"
	exit 77
	;;
*)
	printf 'not ok - the machine boots\n%s\n' "$why"
	exit 1
	;;
esac

# The longest first, so that both lanes end together.
jobs=(${VM:-30-reload systemd 31-kill 20-attacks 10-matrix 70-no-queue boot})
dir=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-lanes.XXXXXX") || exit 2
lanes=()
trap 'rm -rf "$dir"' EXIT
trap 'kill "${lanes[@]}" 2>/dev/null; wait; exit 143' TERM INT HUP

job() { # NAME: in the background of its lane, so that a signal reaches it
	case $1 in
	boot | systemd) "tests/vm/$1.sh" ;;
	*) tests/vm/run.sh -c 1 -v -t 1500 -e O="$O" -- tests/netns/run.sh "$1" ;;
	esac >"$dir/$1.out" 2>&1 &
	trap "kill $! 2>/dev/null; wait; exit 143" TERM
	wait $!
	echo $? >"$dir/$1.rc"
	trap - TERM
}

# Takes the next job until there is none: who makes its directory has it.
lane() {
	local j
	for j in "${jobs[@]}"; do
		! mkdir "$dir/$j.taken" 2>/dev/null || job "$j"
	done
}
lane & lanes+=($!)
lane & lanes+=($!)
wait

status=0
for j in "${jobs[@]}"; do
	cat "$dir/$j.out"
	[ "$(cat "$dir/$j.rc" 2>/dev/null)" = 0 ] && continue
	status=1
	grep -q '^not ok' "$dir/$j.out" || echo "not ok - $j: status $(cat "$dir/$j.rc" 2>/dev/null)"
done
exit $status
