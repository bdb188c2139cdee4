#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fail: open: while no daemon listens, what only it can judge passes between known, permitted devices and others; of restricted,
# unknown, forged and denied ones nothing does, and nothing does while a daemon is there, awake or hung, nor without the word.  What
# passed is told by the next daemon, sender by sender, and judged.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2

UDP=9 TCP=80
NOTED=5001      # permitted, with an entry that only observes in front: the daemon's to judge
PORT=22000      # new means ports that no flow had before

permitted() { # EXPECT NAME: what the daemon would allow
	PORT=$((PORT + 50))
	probe "$1" "$2: a camera to the VMS" axis vms udp $NOTED n=10 sport=$PORT --flows 10
	probe "$1" "$2: the VMS to a camera" vms axis udp $NOTED n=10 sport=$PORT --flows 10
	probe "$1" "$2: a camera to the firewall" axis fw udp $NOTED n=10 sport=$PORT --flows 10
	check "$1" "$2: a connection to a camera, and its answers" in_ns vms "$NETPROBE" connect "${IP4[axis]}" 22 --timeout-ms 3000
	check "$1" "$2: the same over IPv6" in_ns vms "$NETPROBE" connect "${IP6[axis]}" 22 --timeout-ms 3000
}

# Nobody permits these: both ends are guarded, which the kernel does not decide.
unjudged() { # EXPECT NAME: on ports of its own each time: a denial is remembered for a while
	probe "$1" "$2: a camera to a camera" axis axis2 udp $UDP n=10 sport=$PORT --flows 10
	probe "$1" "$2: a recorder to a camera" prec axis2 tcp-syn $TCP n=10 sport=$PORT --flows 10
}

forbidden() { # NAME
	probe drop "$1: what is denied" axis vms udp 9 n=10 sport=$PORT --flows 10
	probe drop "$1: where it is denied" axis desk udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a desk to a camera" desk axis udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a restricted camera to the VMS" hik vms udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: the VMS to a restricted camera" vms hik udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a restricted recorder to a camera" rrec axis udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a camera to a restricted recorder" axis rrec udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: an unknown device to the VMS" unk vms udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: an unknown device to a camera" unk axis2 udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a camera to an unknown device" axis2 unk udp $NOTED n=10 sport=$PORT --flows 10
	probe drop "$1: a restricted camera with a permitted address" hik vms udp $NOTED n=10 sport=$PORT src=axis --flows 10
	probe drop "$1: a permitted MAC with another address" unk vms udp $NOTED n=10 sport=$PORT smac=axis --flows 10
	probe drop "$1: a camera's address from the core" desk axis2 udp $NOTED n=10 sport=$PORT src=axis --flows 10
	probe drop "$1: the VMS's address from outside" out axis udp $NOTED n=10 sport=$((PORT + 30)) src=vms --flows 10
	probe drop "$1: a restricted maker's MAC in the core" vms axis udp $NOTED n=10 sport=$((PORT + 20)) smac=hik --flows 10
	probe drop "$1: options" axis vms udp $NOTED n=10 sport=$((PORT + 20)) fam=4 --record-route --flows 10
}

all_of() { # PERMITTED UNJUDGED NAME
	ITEMS=()
	permitted "$1" "$3"
	unjudged "$2" "$3"
	forbidden "$3"
	site_run enforced
}

policy() { # [+SECTION ENTRY]...
	policy_write +zones 'outside: { interfaces: [out0] }' \
		+rules '- { id: noted-out, from: cctv, to: [vms, firewall], services: [udp/5001], action: allow }' \
		+rules '- { id: noted-in, from: vms, to: cctv, services: [udp/5001, tcp/22], action: allow }' \
		+rules '- { id: noted, from: any, to: any, services: [udp/5001, tcp/22], action: drop, observe: true }' "$@"
}

learn_all() {
	local d
	for d in axis axis2 prec; do site_learn $d clock udp 123; done
	for d in axis axis2 prec; do truth "the kernel knows $d" site_wait "$d to be known" site_knows $d; done
	truth 'the table is what it should be' ringfence verify
}

opened() { in_ns fw nft list counter inet ringfence failed-open | awk '$1 == "packets" { print $2 }'; }

# Flows of a sender that the events since SEQ say passed; of all without one.
told_passed() { # SEQ [MAC]
	events_since "$1" outage 2>/dev/null | python3 -c '
import json, sys
n = 0
for e in map(json.loads, sys.stdin):
    mac = e.get("source", {}).get("mac", "").replace("-", ":").lower()
    if e["event"]["action"] == "passed" and (len(sys.argv) < 2 or mac == sys.argv[1]):
        n += e["network"]["packets"]
        assert e["event"]["type"] == ["connection", "allowed"] and e["event"]["duration"] > 10**9, e
print(n)' ${2+"$2"}
}
all_told() { [ "$(told_passed "$1")" = "$2" ]; } # SEQ N

away() { # NAME COMMAND UDP TCP [OPTION]...: without a daemon, then with the next one
	local before seq token
	before=$(opened) seq=$(last_seq)
	UDP=$3 TCP=$4
	"$2"
	all_of pass pass "$1"
	is "$1: each flow is counted once" $(($(opened) - before)) 102
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[axis2]}" --proto udp \
		--sport $PORT --dport $UDP --count 5 --token "$token" >/dev/null
	site_wait 'the flow to go on' eval "[ \$(count_of axis2 $token) = 5 ]"
	is "$1: a flow that passed goes on" "$(count_of axis2 "$token")" 5
	truth "$1: the next daemon" site_daemon_start "${@:5}"
	truth "$1: tells of all of them" site_wait 'the events' all_told "$seq" 102
	is "$1: of the camera's" "$(told_passed "$seq" "${MAC[axis]}")" 60
	is "$1: of the recorder's" "$(told_passed "$seq" "${MAC[prec]}")" 20
	is "$1: of the VMS's" "$(told_passed "$seq" "${MAC[vms]}")" 22
	learn_all
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[axis2]}" --proto udp \
		--sport $PORT --dport $UDP --count 5 --token "$token" >/dev/null
	site_settle "axis2.$token"
	is "$1: and ends it" "$(count_of axis2 "$token")" 0
	all_of pass drop "$1, started again"
	is "$1: nothing more passed unjudged" "$(told_passed "$seq")" 102
}

# What waits for a daemon that hangs has not passed.
hung() {
	local before token
	before=$(opened)
	site_daemon_hang
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" --proto udp \
		--sport 1000 --dport $NOTED --flows 40 --count 40 --token "$token" >/dev/null
	in_ns vms "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[core]}" --src "${IP6[vms]}" --dst "${IP6[axis]}" --proto udp \
		--sport 1000 --dport $NOTED --flows 40 --count 40 --token "$token" >/dev/null
	sleep 1
	is 'hung: nothing passes to the VMS' "$(count_of vms "$token")" 0
	is 'hung: nothing passes to a camera' "$(count_of axis "$token")" 0
	site_daemon_wake
	site_settle "vms.$token" "axis.$token"
	is 'awake: what waited is allowed, and answered' "$(count_of vms "$token") $(count_of axis "$token")" '80 80'
	is 'hung: nothing was counted' "$(opened)" "$before"
}

bypasses() { in_ns fw nft list table inet ringfence | grep -cE 'chain (ask-open-q|fail-open)'; }

site_up 33-fail-open
site_servers
SITE_PHASE=control
ITEMS=()
permitted pass 'nobody there'
unjudged pass 'nobody there'
forbidden 'nobody there'
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
policy
truth 'the daemon starts' site_daemon_start
[ "$DAEMON_PID" ] && [ $TEST_FAILED = 0 ] || site_die 'no daemon'
learn_all
is 'no way around the queue' "$(bypasses)" 0
all_of pass drop 'alive'
site_daemon_kill
all_of drop drop 'killed, fails closed'
is 'nothing is counted' "$(opened)" 0
policy +fail 'cctv: open'
truth 'the daemon says what it means' grep -q . <(ringfence check -p "$SITE_DIR/policy.yaml" 2>&1 | grep "zone 'cctv' fails open")
truth 'started with fail: open' site_daemon_start
learn_all
truth 'status says so' grep -q '^fail: open  for zones cctv; 0 flows passed unjudged' <(ringfence status)
all_of pass drop 'alive, fails open'
is 'nothing is counted' "$(opened)" 0
hung
away 'killed' site_daemon_kill 53 445 --workers 2
hung
away 'stopped' site_daemon_stop 123 8000
site_done
