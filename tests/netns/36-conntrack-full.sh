#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Conntrack's table is full.  A permitted camera opens flow after flow that nobody answers: they make room by themselves, recordings
# and other cameras' new flows go on without loss.  Then it opens connections that are answered: what goes on goes on, new flows are
# lost, whoever's; nothing that is denied passes, and it is told.  Only in the virtual machine: the table's size is the
# machine's, not the namespace's.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
HERE=$(dirname "$0") SIZE=512

size() { # ENTRIES BUCKETS
	echo "$2" >/proc/sys/net/netfilter/nf_conntrack_buckets && echo "$1" >/proc/sys/net/netfilter/nf_conntrack_max
}
conntrack() { # KEY of the status
	ringfence status --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["kernel"]["conntrack"][sys.argv[1]])' "$1"
}
is_more() { [ "$(conntrack "$1")" -gt "$2" ]; } # KEY NUMBER
told_full() { # SEQ WORDS
	site_wait "the event: $2" told "$1" conntrack_full "$2"
}

# What goes on all the time: a recorder's connection, and what a camera sends without an answer.
recordings_start() {
	in_ns_bg vms "$SITE_DIR/udp.recv" "$NETPROBE" stream-recv 50300 --seconds 1
	RECV=$SITE_LAST
	site_wait_line "$SITE_DIR/udp.recv" ready || return 1
	in_ns_bg axis2 "$SITE_DIR/udp.send" "$NETPROBE" stream-send "${IP4[vms]}" 50300 --rate 50 --seconds 100000
	SEND=$SITE_LAST
	in_ns_bg vms "$SITE_DIR/tcp" "$NETPROBE" connect "${IP4[axis2]}" 443 --send 500 --rounds 1000000 --pause-ms 50 --timeout-ms 20000
	TCP=$SITE_LAST
	site_wait_line "$SITE_DIR/tcp" 'round 3'
}
rounds() { grep -c '^round' "$SITE_DIR/tcp"; }
more_rounds() { [ "$(rounds)" -gt "$1" ]; }
connection_goes_on() { # NAME
	local n
	n=$(rounds)
	truth "$1: the recorder's connection goes on" site_wait 'more rounds' more_rounds $((n + 3))
}
recordings_stop() { # sets SENT and GOT of what a camera sends
	site_kill "$SEND"
	site_kill "$TCP"
	SENT=$(sed -n 's/^sent //p' "$SITE_DIR/udp.send")
	site_quiet
	site_kill "$RECV"
	GOT=$(sed -n 's/^unique //p' "$SITE_DIR/udp.recv")
}

# 200 flows of a camera beside it and of one elsewhere; sets ARRIVED.
others_open() {
	local token
	printf -v token %08x%08x $SRANDOM $SRANDOM
	opens prec "$token" 50360 >/dev/null &
	opens axis2 "$token" 50360 >/dev/null
	wait $!
	site_settle "vms.$token"
	ARRIVED=${COUNTED[vms.$token]:-0}
}
opens() { # HOST TOKEN PORT
	in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[${SEG[$1]}]}" --src "${IP4[$1]}" --dst "${IP4[vms]}" \
		--proto udp --sport 20000 --dport "$3" --flows 100 --count 100 --rate 25 --token "$2"
}

denied() { # NAME
	ITEMS=()
	probe drop "$1: R to a desk" hik desk udp 53
	probe drop "$1: R to the VMS" hik vms udp 50361
	probe drop "$1: A where it may not" axis desk udp 53
	probe drop "$1: the VMS to R" vms hik tcp-syn 443
	probe drop "$1: nobody known" unk vms udp 50361
}

nobody_answers() {
	local name='not answered' seq dropped
	seq=$(last_seq) dropped=$(conntrack drop)
	truth "$name: recordings" recordings_start
	in_ns_bg axis "$SITE_DIR/flood" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --sport 1024 --flows 60000 --dport 50362 --count 100000000 --rate 400
	FLOOD=$SITE_LAST
	truth "$name: the table is full" site_wait 'flows that make room' is_more early_drop 100
	others_open
	is "$name: 200 new flows of other cameras" "$ARRIVED" 200
	denied "$name"
	site_run enforced
	is "$name: the status says that it is nearly full" "$(conntrack nearly_full)" True
	truth "$name: an event, too" told_full "$seq" 'made room'
	connection_goes_on "$name"
	recordings_stop
	is "$name: nothing is lost of what a camera sends" "$GOT" "$SENT"
	site_kill "$FLOOD"
	is "$name: conntrack itself lost nothing" "$(conntrack drop)" "$dropped"
}

# A opens connections and holds them.
connections_start() {
	in_ns_bg vms "$SITE_DIR/accepts" python3 "$HERE/connections.py" accept 8002
	ACCEPTS=$SITE_LAST
	site_wait_line "$SITE_DIR/accepts" ready || return 1
	in_ns_bg axis "$SITE_DIR/connects" python3 "$HERE/connections.py" open "${IP4[vms]}" 8002 $((SIZE * 2))
	CONNECTS=$SITE_LAST
	site_wait 'flows that are lost' is_more drop "$1"
}

somebody_answers() {
	local name='answered' seq dropped
	seq=$(last_seq) dropped=$(conntrack drop)
	truth "$name: recordings" recordings_start
	truth "$name: the table is full" connections_start $((dropped + 20))
	connection_goes_on "$name"
	others_open
	truth "$name: new flows are lost ($ARRIVED of 200 arrive)" [ "$ARRIVED" -lt 200 ]
	denied "$name"
	site_run enforced
	truth "$name: it is told" told_full "$seq" 'were lost'
	truth "$name: the status is that it is nearly full" eval "ringfence status | grep -q 'conntrack.s table is nearly full'"
	site_kill "$CONNECTS"	# they are reset
	site_kill "$ACCEPTS"
	truth "$name: room again" site_wait 'room' room
	others_open
	is "$name: afterwards 200 new flows of other cameras" "$ARRIVED" 200
	connection_goes_on "$name"
	recordings_stop
	echo "# $name: of what a camera sends without an answer $GOT of $SENT arrived: such flows make room too, and have to wait then"
}
room() { [ "$(conntrack entries)" -lt $((SIZE / 2)) ]; }

if [ -z "${RINGFENCE_VM:-}" ]; then
	skip "conntrack's table is full" 'its size is the whole machine'"'"'s'
	echo 1..1
	exit 0
fi
site_up 36-conntrack-full
site_servers
denied 'control'
site_control
policy_write +rules '- { id: talks, from: cctv, to: vms, services: [tcp/8002], action: allow }'
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123 4; done
truth 'a small table' size $SIZE $((SIZE / 2))
nobody_answers
somebody_answers
site_done
