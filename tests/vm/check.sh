#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make check's vm part: the machine itself, then scenarios on Debian's stock kernel, where the camera
# networks are 802.1Q devices and the queue is nf_tables' own.  VM='10-matrix 20-attacks' names others.
cd "$(dirname "$0")/../.." || exit 2
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
status=0
tests/vm/boot.sh || status=1
# shellcheck disable=SC2086
tests/vm/run.sh -v -t 1500 -e O="${O:-build/plain}" -- tests/netns/run.sh ${VM:-10-matrix} || status=1
exit $status
