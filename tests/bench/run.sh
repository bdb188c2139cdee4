#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench: writes a table to standard output and build/…/bench.json; README.md beside this file says how to read them.
# Ratios between things run in one go, in turn; medians of ROUNDS (5).  BENCH_QUICK=1: two rounds of a fifth, a tenth of the scale.
# PARTS: some of "userspace kernel offload latency bulk engine start scale".  Everything is sent inside namespaces of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -n "${BENCH_QUICK:-}" ]; then : "${ROUNDS:=2}" "${PACKETS:=20000}" "${SCALE:=10}"; fi
: "${O:=build/plain}" "${ROUNDS:=5}" "${PACKETS:=100000}" "${SCALE:=1}" "${DEVICES:=64}"
: "${PARTS:=userspace kernel offload latency bulk engine start scale}"
top=$(cd "$here/../.." && pwd)
case $O in /*) ;; *) O=$top/$O ;; esac
if [ -z "${BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces" >&2; exit 2; }
	# The sender counts the time of its processor's ksoftirqd, which cannot be seen from inside.
	exec {SOFTIRQ}</proc/"$(pgrep -x ksoftirqd/0)"/schedstat
	export SOFTIRQ
	BENCH_INSIDE=1 exec unshare --mount --pid --fork --kill-child=KILL --mount-proc bash -c '
		mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec bash "$1"' bench "$here/run.sh"
fi
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
export RINGFENCE_DATA=$top/rules
# shellcheck source=tests/bench/site.sh
. "$here/site.sh"
# shellcheck source=tests/bench/parts.sh
. "$here/parts.sh"

for tool in ringfenced bench/{sender,oneloop,floorloop,ctflush,latency,bulk,engine,scale}; do
	[ -x "$O/$tool" ] || die "no $O/$tool: run make tests"
done
declare -A figures	# "row,column": values, one each round
rows=() extra=()
policy decide >"$dir/policy.yaml"
policy asked >"$dir/asked.yaml"
policy offload >"$dir/offload.yaml"
net_up
for part in $PARTS; do
	"part_$part" || die "part $part failed"
	echo >&2
done
report
