#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check's vm part: the machine itself, the package on a real systemd, and scenarios on Debian's stock
# kernel, where the camera networks are 802.1Q devices and the queue is nf_tables' own.
# VM='10-matrix 60-failures' names others (36-conntrack-full runs only there, two minutes).
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

job() {
	case $1 in
	# What the build machine's kernel cannot do of it.
	21-attacks-more) exec tests/vm/run.sh -c 1 -v -t 900 -e O="$O" -e ATTACKS='13 13_before' -- tests/netns/run.sh "$1" ;;
	boot | systemd) exec "tests/vm/$1.sh" ;;
	agree) exec tests/vm/run.sh -c 1 -v -t 1500 -e O="$O" -- tests/vm/agree.sh ;;
	*) exec tests/vm/run.sh -c 1 -v -t 1500 -e O="$O" -- tests/netns/run.sh "$1" ;;
	esac
}

# The longest first, so that both lanes end together.
# shellcheck source=tests/lanes.sh
. tests/lanes.sh
# shellcheck disable=SC2086
lanes 2 job ${VM:-30-reload systemd 31-kill 34-offload 37-offload-hands 20-attacks 21-attacks-more 10-matrix \
	36-conntrack-full agree 70-no-queue boot}
