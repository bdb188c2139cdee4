#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A kernel without packet queues: the daemon ends with what is missing and what to do, leaves what is in
# force, or else the closed table, and loses nothing that was recorded.  Only in the virtual machine: there
# the queue is modules, which are taken away.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
MODULES='xt_NFQUEUE nft_queue nfnetlink_queue'
FORBID=/etc/modprobe.d/ringfence-no-queue.conf

modules_gone() { # MODULE...: not there and not to be had
	local m
	for m; do
		echo "install $m /bin/false"
	done >"$FORBID"
	for m; do
		[ ! -e "/sys/module/$m" ] || rmmod "$m" || return 1
	done
}
modules_back() { rm -f "$FORBID" && modprobe -a $MODULES; }

everything() { # NAME [pass|drop: A]
	ITEMS=()
	probe "${2:-pass}" "$1: A to the VMS" axis vms udp 50000
	probe drop "$1: A where it may not" axis desk udp 53
	probe drop "$1: R to a desk" hik desk udp 53
	probe drop "$1: the VMS to R" vms hik tcp-syn 443
	probe pass "$1: nobody's business" desk out udp 53
}
filters() { everything "$1"; site_run enforced; }
blocks() { everything "$1" drop; site_run enforced; }

refuses() { # NAME MODULE: the daemon ends, saying that this one is missing
	timeout "$SITE_WAIT" nsenter --net="/run/netns/$(site_ns fw)" -- "$SITE_BUILD/ringfenced" -p "$SITE_DIR/policy.yaml" \
		--data "$RINGFENCE_DATA" --state "$SITE_DIR/state" --run "$SITE_DIR/run" --foreground >"$SITE_DIR/refused" 2>&1
	is "$1: it does not start" $? 2
	truth "$1: it says what is missing" grep "cannot start.* has no .*queue.*'modprobe $2' has to succeed" "$SITE_DIR/refused"
	truth "$1: and who has it" grep "linux-image-$RINGFENCE_VM" "$SITE_DIR/refused"
}

status_says() { # NAME PATTERN
	ringfence status >"$SITE_DIR/status" 2>/dev/null
	is "$1: the status is that there is none" $? 2
	truth "$1: the status says '$2'" grep -- "$2" "$SITE_DIR/status"
}

tables() { in_ns fw nft list tables; }
numbers() { ringfence events --format ecs --last 100000 | wc -l; }

# What is in force goes on: a flow that was decided, and what was recorded.
in_force() {
	local before
	truth 'the daemon starts' site_daemon_start
	site_learn axis clock udp 123
	filters 'with queues'
	ITEMS=()
	probe pass 'a flow is decided' axis vms udp 50070 sport=7070 n=5
	site_run enforced
	site_wait 'events' told 0 blocked . || not_ok 'there are events'
	site_daemon_stop
	before=$(numbers)
	truth 'nobody may listen to queues' modules_gone nfnetlink_queue
	refuses 'no listening' nfnetlink_queue
	truth 'no listening: it says that the table stays' grep 'table in the kernel stays closed=no' "$SITE_DIR/refused"
	status_says 'no listening' '^table *in force'
	filters 'no listening'	# what the kernel decides by itself goes on
	ITEMS=()
	probe pass 'no listening: the decided flow goes on' axis vms udp 50070 sport=7070 n=5
	site_run enforced
	truth 'no listening: what was recorded is whole' ringfence events verify
	is 'no listening: and all there' "$(($(numbers) >= before && before > 0))" 1
}

without_anything() {
	site_tables_remove
	truth 'no queue at all' modules_gone $MODULES
	refuses 'no queue' nft_queue
	truth 'no queue: the closed table comes' grep 'the closed table is in force' "$SITE_DIR/refused"
	status_says 'no queue' '^table *closed'
	status_says 'no queue' '^missing *a packet queue'
	blocks 'no queue'
	refuses 'on the closed table' nft_queue
	truth 'on the closed table: which stays' grep 'table in the kernel stays closed=yes' "$SITE_DIR/refused"
	blocks 'on the closed table'
	site_tables_remove
	policy_write mode=observe
	refuses 'nothing enforces' nft_queue
	is 'nothing enforces: no table' "$(tables)" ''
	truth 'nothing enforces: what was recorded is whole' ringfence events verify
	policy_write
}

by_compat() {
	truth 'only the native queue is missing' modules_back
	truth 'only the native queue is missing' modules_gone nft_queue
	truth 'by xt_NFQUEUE: the daemon starts' site_daemon_start
	truth 'by xt_NFQUEUE: and says so' eval "ringfence status --json | grep 'xt NFQUEUE'"
	site_learn axis clock udp 123
	filters 'by xt_NFQUEUE'
	site_daemon_stop
}

if [ -z "${RINGFENCE_VM:-}" ]; then
	skip 'a kernel without packet queues' 'only a machine of our own may lose its modules'
	echo 1..1
	exit 0
fi
site_up 70-no-queue
site_servers
everything 'control'
site_control
policy_write
in_force
without_anything
by_compat
truth 'all of it is back' modules_back
truth 'with queues again: the daemon starts' site_daemon_start
site_learn axis clock udp 123
filters 'with queues again'
site_done
