#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon is stopped, killed or hung, and the kernel goes on by itself: known devices open what the policy permits them, and are
# reached where it permits that; nobody else is, nothing else passes, and an exception that ends meanwhile opens nothing more.  What
# the kernel dropped meanwhile is told by the next daemon.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2

# New means ports that no flow had before.
PORT=21000
permitted() { # NAME: new flows of known devices, both ways, both families
	PORT=$((PORT + 50))
	probe pass "$1: a camera to the VMS" axis vms udp 50310 n=10 sport=$PORT --flows 10
	probe pass "$1: a camera to the clock" axis2 clock udp 123 n=10 sport=$PORT --flows 10
	probe pass "$1: the VMS to a camera" vms axis tcp-syn 443 n=10 sport=$PORT --flows 10
	probe pass "$1: the VMS to a recorder" vms prec tcp-syn 554 n=10 sport=$PORT --flows 10
	check pass "$1: a connection to a camera" in_ns vms "$NETPROBE" connect "${IP4[axis]}" 443 --rounds 5
	check pass "$1: a connection to a camera, IPv6" in_ns vms "$NETPROBE" connect "${IP6[axis2]}" 443 --rounds 5
	check pass "$1: an exception" in_ns desk "$NETPROBE" connect "${IP4[rrec]}" 8000 --rounds 5
	check pass "$1: an exception, IPv6" in_ns desk "$NETPROBE" connect "${IP6[rrec]}" 8000 --rounds 5
}

forbidden() { # NAME
	probe drop "$1: a camera to a desk" axis desk udp 53 n=10 sport=$PORT --flows 10
	probe drop "$1: a camera to another port of the VMS" axis vms udp 9 n=10 sport=$PORT --flows 10
	probe drop "$1: a desk to a camera" desk axis tcp-syn 443 n=10 sport=$PORT --flows 10
	probe drop "$1: the VMS to another port of a camera" vms axis tcp-syn 445 n=10 sport=$PORT --flows 10
	probe drop "$1: a restricted camera to the VMS" hik vms udp 50310 n=10 sport=$PORT --flows 10
	probe drop "$1: the VMS to a restricted camera" vms dah tcp-syn 443 n=10 sport=$PORT --flows 10
	probe drop "$1: an unknown device to the VMS" unk vms udp 50310 n=10 sport=$PORT --flows 10
	probe drop "$1: a restricted camera with a permitted address" hik vms udp 50310 n=10 sport=$PORT src=axis --flows 10
	probe drop "$1: a permitted MAC with another address" unk vms udp 50310 n=10 sport=$PORT smac=axis --flows 10
	probe drop "$1: a camera's address from the core" desk axis2 tcp-syn 443 n=10 sport=$PORT src=axis --flows 10
	check drop "$1: not the exception's device" in_ns files "$NETPROBE" connect "${IP4[rrec]}" 8000 --timeout-ms 3000
	check drop "$1: an ended exception" in_ns desk "$NETPROBE" connect "${IP4[rrec]}" 445 --timeout-ms 3000
}

all_of() { # NAME
	ITEMS=()
	permitted "$1"
	forbidden "$1"
	site_run enforced
}

learn_all() {
	local d
	for d in axis axis2 prec; do site_learn $d clock udp 123; done
	for d in axis axis2 prec; do truth "the kernel knows $d" site_wait "$d to be known" site_knows $d; done
}

counter_named() { in_ns fw nft list counter inet ringfence "$1" | awk '$1 == "packets" { print $2 }'; }

with_daemon() {
	local before
	before=$(counter_named allow-cameras-send-rtp)
	all_of 'alive'
	is "the rule's own counter" $(($(counter_named allow-cameras-send-rtp) - before)) 20
	truth "the kernel's table is what it should be" ringfence verify
}

# What the kernel passes on to userspace waits there: it has not passed, and doesn't when it is awake again.
hung() {
	local token
	site_daemon_hang
	ITEMS=()
	permitted 'hung'
	site_run enforced
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns hik "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[vms]}" --proto udp \
		--sport 1000 --dport 50310 --flows 20 --count 20 --token "$token" >/dev/null
	in_ns unk "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[unk]}" --dst "${IP4[vms]}" --proto udp \
		--sport 1000 --dport 50310 --flows 20 --count 20 --token "$token" >/dev/null
	in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" --proto udp \
		--sport 1000 --dport 9 --flows 20 --count 20 --token "$token" >/dev/null
	sleep 1
	is 'hung: nothing else passes' "$(count_of vms "$token")" 0
	site_daemon_wake
	site_settle
	is 'awake: nothing of that has passed' "$(count_of vms "$token")" 0
	all_of 'awake'
}

connects() { in_ns desk "$NETPROBE" connect "${IP4[rrec]}" 22 --timeout-ms 3000 | grep -c connected; }
connects_out() { in_ns rrec "$NETPROBE" connect "${IP4[desk]}" 22 --timeout-ms 3000 | grep -c connected; }

# What the kernel dropped by itself meanwhile, by packets, of one sender to one address.
dropped_meanwhile() { # SEQ FROM TO
	events_since "$1" outage | grep "\"source\":{\"address\":\"$2\"" | grep "\"destination\":{\"address\":\"$3\"" |
		sed -nE 's/.*"network":\{[^}]*"packets":([0-9]+).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'
}
is_told() { [ "$(dropped_meanwhile "$1" "$2" "$3")" -ge "$4" ]; }
# A device's first packets are asked about as samples, and die unanswered (a `loss`): the kernel drops the rest.
denied_meanwhile() {
	ITEMS=()
	probe drop 'killed: a hundred of a camera to a desk' axis desk udp 53 n=100
	probe drop 'killed: a hundred of a desk to a camera' desk axis tcp-syn 443 n=100
	site_run enforced
}
outages() { # NAME SEQ: both ways, both families
	local f from to n
	for f in 4 6; do
		for from in axis desk; do
			[ $from = axis ] && to=desk || to=axis
			site_wait 'the outage events' is_told "$2" "$(addr_of $from $f)" "$(addr_of $to $f)" 85
			n=$(dropped_meanwhile "$2" "$(addr_of $from $f)" "$(addr_of $to $f)")
			truth "$1: drops of $from to $to come back as outage (IPv$f: $n)" [ $((n >= 85 && n <= 110)) = 1 ]
		done
	done
}

ends_alone() {
	local end=$(($(date +%s) + 15))
	[ -z "${RINGFENCE_VM:-}" ] || end=$((end + 60))
	policy_write +exceptions "- { id: desk-short, from: desk, to: old-nvr, services: [tcp/22], expires: \"$(date -u -d "@$end" \
		+%FT%TZ)\", owner: estates, ticket: CHG-3, reason: ends during the test }" \
		+exceptions "- { id: nvr-short, from: old-nvr, to: desk, services: [tcp/22], expires: \"$(date -u -d "@$end" \
		+%FT%TZ)\", owner: estates, ticket: CHG-4, reason: ends during the test }"
	truth 'a policy with an exception that is about to end' ringfence reload
	site_daemon_kill
	is 'killed: the exception is live' "$(connects)" 1
	is 'killed: and the one the other way' "$(connects_out)" 1
	[ "$(date +%s)" -lt "$end" ] || not_ok 'the machine is too slow to see it live'
	while [ "$(date +%s)" -le "$end" ]; do sleep 0.2; done
	is 'killed: an exception that has ended opens nothing' "$(connects)" 0
	is 'killed: nor does the one the other way' "$(connects_out)" 0
	all_of 'killed, later'
}

# More kinds of devices than an interface's part of the table holds: what is beyond is asked about, told so, and closed without a daemon.
KINDS=80
kinds_send() { # a new flow of each of them to its own port; sets ARRIVED
	local i token
	printf -v token %08x%08x $SRANDOM $SRANDOM
	PORT=$((PORT + 1))
	for ((i = 0; i < KINDS; i++)); do
		sender_send axis -i eth0 --smac "ac:cc:8e:00:77:$(printf %02x $i)" --dmac "${GATE_MAC[cam0]}" --src "10.20.0.$((100 + i))" \
			--dst "${IP4[vms]}" --proto udp --sport $PORT --dport $((6000 + i)) --count 1 --token "$token"
	done
	site_settle "vms.$token"
	ARRIVED=${COUNTED[vms.$token]:-0}
}
many_kinds() {
	local i entries=()
	for ((i = 0; i < KINDS; i++)); do
		entries+=(+devices "- { name: kind$i, macs: [\"ac:cc:8e:00:77:$(printf %02x $i)\"], addresses: [10.20.0.$((100 + i))] }"
			+rules "- { id: kind$i, from: kind$i, to: vms, services: [udp/$((6000 + i))], action: allow }")
	done
	policy_write "${entries[@]}"
	ringfence check -p "$SITE_DIR/policy.yaml" >"$SITE_DIR/check" 2>&1
	truth "$KINDS kinds: check says that it is too much" grep "more than the kernel's table holds" "$SITE_DIR/check"
	truth "$KINDS kinds: the daemon starts" site_daemon_start
	truth "$KINDS kinds: status says so" grep "more than the kernel's table holds" <(ringfence status)
	truth "$KINDS kinds: so does the log" grep "more than the kernel's table holds" "$SITE_DIR/daemon.log"
	kinds_send
	is "$KINDS kinds: with a daemon each of them opens what it may" "$ARRIVED" $KINDS
	site_daemon_kill
	kinds_send
	truth "$KINDS kinds: without one those that the table holds ($ARRIVED), and no others" [ $((ARRIVED >= 50 && ARRIVED < KINDS)) = 1 ]
	ITEMS=()
	forbidden "$KINDS kinds"
	site_run enforced
}

site_up 32-static
site_servers udp:50310 tcp:554
SITE_PHASE=control
ITEMS=()
permitted 'nobody there'
forbidden 'nobody there'
site_control
is 'control: the port of the short exceptions' "$(connects) $(connects_out)" '1 1'
kinds_send
is "control: each of $KINDS kinds of devices" "$ARRIVED" $KINDS
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
truth 'the daemon starts' site_daemon_start
learn_all
with_daemon
SEQ=$(last_seq)
site_daemon_kill
all_of 'killed'
denied_meanwhile
truth 'started again' site_daemon_start
outages 'started again' "$SEQ"
learn_all
all_of 'started again'
site_daemon_stop
all_of 'stopped'
truth 'started after a stop' site_daemon_start
learn_all
hung
ends_alone
many_kinds
site_done
