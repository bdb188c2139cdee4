#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A forged source gets nobody's flows denied: R and an unknown device beside A send as A, by its address with MACs of their own; a
# device on the other camera interface by A's MAC and address both; a desk from the core.  All of that is denied, over and over and
# to where A may go.  A's flows, decided by the kernel or asked about, pass all the while, and no event says that A did any of it.
# And N, a recorder in the core that is known by its MAC alone: somebody there scans a camera by N's address, until the kernel drops
# that before it routes; N's connections pass.
# And as many MACs as no set has places for, invented in the core: A, B beside it and N ask meanwhile, and are answered.
# (A's own MAC and address on A's own segment is A to everybody, and where the policy itself binds the two, on every interface of
# the zone: port security on the switch is the answer to that.)
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
PORT=20000

# What A opens: to the VMS (the kernel decides), to the recorder (userspace is asked), answers to the VMS.
a_opens() { # NAME
	PORT=$((PORT + 100))
	probe pass "$1: A to the VMS" axis vms udp 50440 n=40 sport=$PORT --flows 40
	probe pass "$1: A to the recorder" axis prec udp 7441 n=40 sport=$PORT --flows 40
	probe pass "$1: A's open flow" axis vms udp 50442 n=20 sport=7440
	probe pass "$1: A's open flow to the recorder" axis prec udp 7443 n=20 sport=7440
	check pass "$1: the VMS to A" in_ns vms "$NETPROBE" connect "${IP4[axis]}" 443 --rounds 5
	check pass "$1: the VMS to A, IPv6" in_ns vms "$NETPROBE" connect "${IP6[axis]}" 443 --rounds 5
	barrier
}

# The same keys as A's but for what the sender cannot have; MACs and interfaces as given.
forged() { # NAME FROM [KEY=VALUE]...
	local name=$1 from=$2
	shift 2
	probe drop "$name: to the VMS" "$from" vms udp 50440 src=axis n=300 sport=30000 --flows 300 "$@"
	probe drop "$name: on A's open flow" "$from" vms udp 50442 src=axis n=50 sport=7440 "$@"
	probe drop "$name: as an answer of A" "$from" vms tcp-ack 40000 src=axis n=20 sport=443 "$@"
	probe drop "$name: to a desk" "$from" desk udp 53 src=axis n=100 sport=30000 --flows 100 "$@"
	probe drop "$name: to the recorder" "$from" prec udp 7441 src=axis n=300 sport=30000 --flows 300 "$@"
	probe drop "$name: on A's open flow to the recorder" "$from" prec udp 7443 src=axis n=50 sport=7440 "$@"
	barrier
}

# Events that say that N did what was dropped.
against_n() {
	ringfence events --after "$1" --last 100000 --format ecs | grep -E '"code":"(blocked|scan|flood|spoof_suspected)"' |
		grep "$(tr a-f: A-F- <<<"${MAC[files]}")" | head -n 2
}
early_is() { in_ns fw nft list chain inet ringfence early 2>/dev/null | grep -q 'goto flooded-tcp4'; }

# Many ports, none of which any entry names, at a rate that lasts.
scanned_as_n() {
	local seq
	seq=$(last_seq)
	truth 'N opens what it may' in_ns files "$NETPROBE" connect "${IP4[axis]}" 8554 --rounds 5
	in_ns_bg desk "$SITE_DIR/scan" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[core]}" --src "${IP4[files]}" --dst "${IP4[axis]}" \
		--proto tcp-syn --sport 20000 --dport 10000 --dflows 40000 --count 100000000 --rate 20000
	truth 'a scan by its address lasts: it is met before it is routed' site_wait 'the chain early' early_is
	for _ in 1 2 3; do
		sleep 1
		truth "N's connections pass meanwhile" in_ns files "$NETPROBE" connect "${IP4[axis]}" 8554 --rounds 5
	done
	site_kill "$SITE_LAST"
	truth "the scan is told as the desk's" site_wait 'the event' told_of_any "$seq" "${MAC[desk]}"
	is 'no event says that N did it' "$(against_n "$seq")" ''
}
# Nobody's places but those of strangers are full.
crowded() { [ "$(in_ns fw nft list set inet ringfence asks-others | grep -c expires)" -ge 65000 ]; }
asks_meanwhile() { # HOST FAMILY: 40 new flows to the recorder, all of them asked about
	local token
	printf -v token %08x%08x $SRANDOM $SRANDOM
	sender_send "$1" -i eth0 --smac "${MAC[$1]}" --dmac "${GATE_MAC[${SEG[$1]}]}" --src "$(addr_of "$1" "$2")" \
		--dst "$(addr_of prec "$2")" --proto udp --sport $((PORT += 100)) --dport 50431 --flows 40 --count 40 --rate 20 --token "$token"
	site_settle "prec.$token"
	is "new flows of $1 to the recorder pass meanwhile (IPv$2)" "${COUNTED[prec.$token]:-0}" 40
}
invented_in_the_core() {
	local seq host
	seq=$(last_seq)
	in_ns_bg desk "$SITE_DIR/crowd" "$NETPROBE" send -i eth0 --smac "${MAC[desk]}" --random-mac --dmac "${GATE_MAC[core]}" \
		--src "${IP4[axis]}" --dst "${IP4[axis2]}" --proto udp --sport 20000 --dport 9 --count 100000000 --rate 16000
	truth 'somebody invents more MACs in the core than there are places' site_wait 'no place to be left' crowded
	for host in axis axis2; do
		asks_meanwhile $host 4
		asks_meanwhile $host 6
	done
	truth "N's connections pass meanwhile" in_ns files "$NETPROBE" connect "${IP4[axis]}" 8554 --rounds 20
	truth 'and over IPv6' in_ns files "$NETPROBE" connect "${IP6[axis]}" 8554 --rounds 20
	site_kill "$SITE_LAST"
	truth 'it is told as a flood' told_soon "$seq" flood core0
	is 'no event says that N did it' "$(against_n "$seq")" ''
}
told_of_any() { # SEQ MAC
	ringfence events --after "$1" --last 100000 --format ecs | grep -E '"code":"(scan|flood)"' | grep -q "$(tr a-f: A-F- <<<"$2")"
}

a_opens 'before'
forged 'R with its own MAC' hik smac=hik
a_opens 'R with its own MAC'
forged 'an unknown device' unk smac=unk
a_opens 'an unknown device'
forged "A's MAC on the other interface" rrec smac=axis
a_opens "A's MAC on the other interface"
forged 'from the core' desk
a_opens 'from the core'

# Events of drops that name A's MAC as the sender's on A's interface.
against_a() {
	ringfence events --after "$1" --last 100000 --format ecs | python3 -c '
import json, sys
mac, iface = sys.argv[1:]
for line in sys.stdin:
    e = json.loads(line)
    src = e.get("source", {})
    at = e.get("observer", {}).get("ingress", {}).get("interface", {}).get("name")
    if e["event"]["code"] in ("blocked", "spoof_suspected", "scan", "flood") and src.get("mac", "").upper() == mac and at in (iface, None):
        print(line.strip())' "$(tr a-f: A-F- <<<"${MAC[axis]}")" "$CAM0"
}
# Drops are told with that MAC on that interface.
told_of() { # SEQ MAC INTERFACE
	ringfence events --after "$1" --kind blocked --last 100000 --format ecs | grep "\"name\":\"$3\"" | grep -q "$(tr a-f: A-F- <<<"$2")"
}

site_up 44-forged
site_servers tcp:8554
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
# To the recorder A alone may, and userspace is asked: what is denied to others there is remembered.
policy_write +devices "- { name: cam-a, macs: [\"${MAC[axis]}\"] }" +devices "- { name: nvr, macs: [\"${MAC[files]}\"] }" \
	+rules '- { id: nvr-pulls, from: nvr, to: cctv, services: [tcp/8554], action: allow }' \
	+rules '- { id: only-a, from: cam-a, to: recorders, services: [udp/7441, udp/7443], action: allow }'
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123; done
SEQ=$(last_seq)
site_enforced
truth "R's attempts are told as R's" told_of "$SEQ" "${MAC[hik]}" "$CAM0"
truth "those of the unknown device as its own" told_of "$SEQ" "${MAC[unk]}" "$CAM0"
truth "those from the other interface with that interface" told_of "$SEQ" "${MAC[axis]}" "$CAM1"
truth "those of the desk as its own" told_of "$SEQ" "${MAC[desk]}" core0
is "no event says that A did it" "$(against_a "$SEQ" | head -n 2)" ''
# The kernel of the virtual machine is too slow for the rate that it takes.
if [ "${RINGFENCE_VM:-}" ]; then
	skip "a scan by N's address, invented MACs" 'too slow a machine'
else
	invented_in_the_core
	scanned_as_n
fi
truth "the kernel's table is what it should be" ringfence verify
site_done
