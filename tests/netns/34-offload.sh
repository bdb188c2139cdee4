#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# offload: true.  Flows of such a rule leave the forward hook once both ends have spoken; whatever changes a decision calls them
# back at once: a reload that keeps the rule loses no packet, one without it cuts them, so do lock and a daemon that starts.
# Nothing is lost from the account.  Needs a kernel with flowtables: Debian's, in the virtual machine.
. "$(dirname "$0")/offload.sh" || exit 2
FEW=12		# packets of one stream, both ways, that a change may send through the hook

passed_few() {
	truth "$WHEN: $1 was looked at again ($(grown "hook-$1") packets)" [ "$(grown "hook-$1")" -gt 0 -a "$(grown "hook-$1")" -le $FEW ]
}
lost_of() { LOST=$((LOST + ${ALL[sent-$1]} - ${ALL[got-$1]} + ${ALL[echo-$1]} - ${ALL[back-$1]})); }
lost() { # both ways: sets LOST
	local -A ALL
	local h name n
	for h in axis axis2 vms prec; do
		while read -r name n; do ALL[$name]=$n; done < <(counted_in $h)
	done
	LOST=0
	each lost_of
}

# Of what the streams sent: TCP sends its own again, and what of it died on the way is told, too.
told_packets() { # SEQ: packets
	ringfence events --after "$1" --last 100000 --format ecs | grep -v '"transport":"tcp"' | python3 "$SITE_HERE/tally.py" events \
		"${IP4[axis]}" "${IP6[axis]}" "${IP4[axis2]}" "${IP4[vms]}" "${IP6[vms]}" "${IP4[prec]}" | sed -n 's/^packets //p'
}
told_lost() { [ "$(told_packets "$1")" = "$LOST" ]; } # SEQ

seen_one() { # NAME
	local got hook
	got=$(grown "got-$1") hook=$(grown "hook-$1")
	truth "$WHEN: $1: $got packets arrived, $hook passed the hook" [ "$got" -gt 5 -a "$hook" -ge "$got" ]
}
# There the kernel would send by the port, without a route to spoil: not offloaded.
bridged() {
	local name
	with_bulk -core +zones 'core: { interfaces: [br9], networks: [10.1.0.0/16, "fd00:1::/48"] }'
	truth "$WHEN" ringfence reload
	site_wait 'what does not go there to be offloaded' is_offloaded "$(grep ^asked <<<"$STREAMS")"
	is "$WHEN: what does not go there is offloaded" $? 0
	look_between got four six
	for name in four six; do seen_one $name; done
	is "$WHEN: what goes there is not" "$(tracked 50010 | grep -c OFFLOAD)" 0
	without_bulk -core +zones 'core: { interfaces: [br9], networks: [10.1.0.0/16, "fd00:1::/48"] }'
	truth "$WHEN, without the rule" ringfence reload
	silent
}

# A kernel without: the rule allows, and the operator is told.
absent() {
	with_bulk
	ringfence check "$SITE_DIR/policy.yaml" >"$SITE_DIR/checked" 2>&1
	is 'check takes the policy' $? 0
	truth 'with a warning and its place' grep -qE 'policy\.yaml:[0-9]+:[0-9]+: warning: .*no flowtables' "$SITE_DIR/checked"
	truth 'the daemon starts' site_daemon_start
	truth 'status says that it is not in force' grep -q '^offload *not in force' <(ringfence status)
	site_learn axis vms udp 50010
	without_flowtables
}

offload_up 34-offload absent
with_bulk
offload_start
truth 'status says that it is in force' grep -q '^offload *flows of rules' <(ringfence status)
seq=$(last_seq)
in_ns_bg vms "$SITE_DIR/tcp" "$NETPROBE" connect "${IP4[axis]}" 443 --send 5000 --rounds 1000000 --pause-ms 100 --timeout-ms 20000
WHEN='at first'
each stream
offloaded
unseen
site_wait 'TCP to be offloaded' is_offloaded 'tcp vms axis 4 443'
is 'so is TCP' $? 0
counted() { # what conntrack's counters make of a flow that is over: each packet and byte of both ways, once
	[ "$(ringfence top --json --last 100000 | python3 "$SITE_HERE/top.py" service=udp/50013)" = "$1" ]
}
sent=$(in_ns axis "$NETPROBE" stream-send "${IP4[vms]}" 50013 --rate "$PPS" --seconds 3 --flows 1 --bind-port 10013 --size 200 | sed -n 's/^sent //p')
is 'a flow that is over was offloaded' "$(tracked 50013 | grep -c OFFLOAD)" 1
site_wait 'the account of what is allowed' counted "1 $sent $((sent * 228)) $sent $((sent * 228))"
is "all of its $sent packets and their bytes are in the account of what is allowed, both ways" $? 0
is 'what another rule allows is not' "$(tracked 123 | grep -c OFFLOAD)" 0
truth 'the table is as it should be' ringfence verify

WHEN='a reload that keeps the rule'
with_bulk +rules '- { id: another, from: cctv, to: clock, services: [udp/124], action: allow }'
look
truth "$WHEN" ringfence reload
offloaded
look
each passed_few
few_lost() { lost; [ $LOST -lt 6 ]; }	# what is lost stays so, what is on its way arrives
site_wait 'what is on its way' few_lost
truth "$WHEN: no packet was lost ($LOST on their way)" [ $LOST -lt 6 ]
rounds=$(grep -c ^round "$SITE_DIR/tcp")
unseen
tcp_goes_on() { [ "$(grep -c ^round "$SITE_DIR/tcp")" -gt "$rounds" ]; }
site_wait 'TCP to go on' tcp_goes_on
is "$WHEN: the TCP connection goes on" $? 0

WHEN='a device that is learnt'
look
in_ns dah "$NETPROBE" connect "${IP4[vms]}" 9 --timeout-ms 200 >/dev/null 2>&1
is_seen() { look; [ "$(grown hook-four)" -gt 0 ]; }
site_wait 'the flows to be looked at' is_seen
is "$WHEN: the flows are looked at again" $? 0
offloaded

WHEN='a reload without the rule'
without_bulk
truth "$WHEN" ringfence reload
silent
is "$WHEN: TCP, whose rule stays, is offloaded" "$(tracked 443 | grep -c OFFLOAD)" 1
each stop
site_settle
lost
truth "$WHEN: packets were dropped ($LOST)" [ $LOST -gt 10 ]
site_wait "the events to tell of $LOST packets" told_lost "$seq"
is "$WHEN: each of them is in the account ($(told_packets "$seq"))" $? 0

WHEN='the rule again'
with_bulk
truth "$WHEN" ringfence reload
each stream
offloaded
WHEN='without a daemon'
site_daemon_kill
unseen
WHEN='locked'
truth "$WHEN" ringfence lock -p "$SITE_DIR/policy.yaml"
silent
WHEN='a new daemon'
truth "$WHEN" site_daemon_start
offloaded
WHEN='a daemon that takes over without the rule'
site_daemon_kill
without_bulk
truth "$WHEN" site_daemon_start
silent
truth 'the table is as it should be, with a flowtable that nothing leads to' ringfence verify
WHEN='behind a bridge'
truth "$WHEN: the core" core_behind_bridge br9 "$CORE0"
bridged
site_done
