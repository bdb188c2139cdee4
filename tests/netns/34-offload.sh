#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# offload: true.  Flows of such a rule leave the forward hook once both ends have spoken; whatever changes a decision calls them
# back at once: a reload that keeps the rule loses no packet, one without it cuts them, so do lock and a daemon that starts.
# Nothing is lost from the account.  Needs a kernel with flowtables: Debian's, in the virtual machine.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
PPS=${PPS:-${RINGFENCE_VM:+50}}
PPS=${PPS:-500}
FEW=12		# packets of one stream, both ways, that a change may send through the hook

# Stream: name, from, to, family, port.  "asked" stays between guarded interfaces, where userspace decides.
STREAMS='four axis vms 4 50010
six axis vms 6 50011
asked axis2 prec 4 50012'
BULK='- { id: bulk, from: cctv, to: [vms, recorders], services: [udp/50010-50019], action: allow, offload: true }'
PULLS='- { id: pulls, from: vms, to: cctv, services: [tcp/443], action: allow, offload: true }'
declare -A SENDER

with_bulk() { policy_write -cameras-send-rtp -vms-pulls +rules "$BULK" +rules "$PULLS" "$@"; }
without_bulk() { policy_write -cameras-send-rtp -vms-pulls +rules "$PULLS"; }
has_flowtables() { in_ns fw nft -c 'add table inet t; add flowtable inet t f { hook ingress priority 0; counter; }' 2>/dev/null; }
each() { # COMMAND: with every stream's words
	local name from to fam port
	while read -r name from to fam port; do "$@" "$name" "$from" "$to" "$fam" "$port"; done <<<"$STREAMS"
}

# Counters of our own: at both ends, and in the firewall's forward hook behind ringfence's.
counter() { # HOST NAME HOOK MATCH...
	local host=$1 name=$2 hook=$3
	shift 3
	printf 'table inet c {\n counter %s { }\n chain %s {\n  type filter hook %s priority 10\n  %s counter name %s\n }\n}\n' \
		"$name" "$name" "$hook" "$*" "$name" | in_ns "$host" nft -f -
}
witness() { # NAME FROM TO FAMILY PORT
	counter "$2" "sent-$1" output "udp dport $5"
	counter "$3" "got-$1" input "udp dport $5"
	counter "$3" "echo-$1" output "udp sport $5"
	counter "$2" "back-$1" input "udp sport $5"
	counter fw "hook-$1" forward "th dport $5"
	in_ns fw nft add rule inet c "hook-$1" th sport "$5" counter name "hook-$1"
}
count() { in_ns "$1" nft list counter inet c "$2" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; } # HOST COUNTER

stream() { # NAME FROM TO FAMILY PORT
	in_ns_bg "$2" "$SITE_DIR/stream.$1" "$NETPROBE" stream-send "$(addr_of "$3" "$4")" "$5" --rate "$PPS" --flows 1 \
		--bind-port $(($5 - 40000)) --seconds 100000
	SENDER[$1]=$SITE_LAST
}
stop() { site_kill "${SENDER[$1]}"; } # NAME ...

tracked() { in_ns fw cat /proc/net/nf_conntrack | grep -w "dport=$1" | grep -v "sport=$1 .*dport=$1 "; } # PORT
is_offloaded() { tracked "$5" | grep -q OFFLOAD; }
offloaded() { site_wait "$1 to be offloaded" is_offloaded "$@"; is "${WHEN:-at first}: $1 is offloaded" $? 0; }

unseen() { # NAME FROM TO ...: the hook stands still while packets arrive
	local hook got
	hook=$(count fw "hook-$1") got=$(count "$3" "got-$1")
	sleep 0.5
	hook=$(($(count fw "hook-$1") - hook)) got=$(($(count "$3" "got-$1") - got))
	truth "${WHEN:-at first}: $1: $got packets arrived, $hook passed the hook" [ "$got" -gt 5 -a "$hook" = 0 ]
}
remember() { WAS[$1]=$(count fw "hook-$1"); }
passed_few() {
	local n=$(($(count fw "hook-$1") - WAS[$1]))
	truth "$WHEN: $1 was looked at again ($n packets)" [ $n -gt 0 -a $n -le $FEW ]
}
silent() { # NAME FROM TO ...: nothing arrives any more
	local before sent
	before=$(count "$3" "got-$1") sent=$(count "$2" "sent-$1")
	sleep 0.5
	sent=$(($(count "$2" "sent-$1") - sent))
	truth "$WHEN: $1: $sent packets are sent" [ $sent -gt 5 ]
	is "$WHEN: $1: none of them arrives" "$(($(count "$3" "got-$1") - before))" 0
}
lost_of() { LOST=$((LOST + $(count "$2" "sent-$1") - $(count "$3" "got-$1") + $(count "$3" "echo-$1") - $(count "$2" "back-$1"))); }
declare -A WAS
lost() { LOST=0 && each lost_of; }

told_lost() { # SEQ
	[ "$(ringfence events --after "$1" --last 100000 --format ecs | python3 "$SITE_HERE/tally.py" events "${IP4[axis]}" \
		"${IP6[axis]}" "${IP4[axis2]}" "${IP4[vms]}" "${IP6[vms]}" "${IP4[prec]}" | sed -n 's/^packets //p')" = "$LOST" ]
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
	skip 'flows that are offloaded' 'this kernel has no flowtables'
	site_done
}

SITE_WAIT=60
site_up 34-offload
site_servers udp:50010 udp:50011 udp:50012
has_flowtables || absent
each witness
with_bulk
truth 'the daemon starts' site_daemon_start
truth 'status says that it is in force' grep -q '^offload *flows of rules' <(ringfence status)
for d in axis axis2 prec; do site_learn $d clock udp 123; done
seq=$(last_seq)
in_ns_bg vms "$SITE_DIR/tcp" "$NETPROBE" connect "${IP4[axis]}" 443 --send 5000 --rounds 1000000 --pause-ms 50 --timeout-ms 20000
each stream
each offloaded
[ $TEST_FAILED = 0 ] || { ringfence status; ringfence verify; tail "$SITE_DIR"/stream.* "$SITE_DIR/daemon.log"; in_ns fw cat /proc/net/nf_conntrack; } | sed 's/^/# /'
[ $TEST_FAILED = 0 ] || site_done
each unseen
site_wait 'TCP to be offloaded' is_offloaded tcp vms axis 4 443
is 'so is TCP' $? 0
is 'what another rule allows is not' "$(tracked 123 | grep -c OFFLOAD)" 0
truth 'the table is as it should be' ringfence verify

WHEN='a reload that keeps the rule'
each remember
with_bulk +rules '- { id: another, from: cctv, to: clock, services: [udp/124], action: allow }'
truth "$WHEN" ringfence reload
each offloaded
each passed_few
each unseen
lost
is "$WHEN: no packet was lost" "$((LOST > 2 ? LOST : 0))" 0	# but those on their way while it is read
rounds=$(grep -c ^round "$SITE_DIR/tcp")
site_wait 'TCP to go on' [ "$(grep -c ^round "$SITE_DIR/tcp")" -gt "$rounds" ] || sleep 1
truth "$WHEN: the TCP connection goes on" [ "$(grep -c ^round "$SITE_DIR/tcp")" -gt "$rounds" ]

WHEN='a reload without the rule'
without_bulk
truth "$WHEN" ringfence reload
each silent
is "$WHEN: TCP, whose rule stays, is offloaded" "$(tracked 443 | grep -c OFFLOAD)" 1
each stop
sleep 0.5
lost
truth "$WHEN: packets were dropped ($LOST)" [ $LOST -gt 10 ]
site_wait "the events to tell of $LOST packets" told_lost "$seq"
is "$WHEN: each of them is in the account" $? 0

WHEN='the rule again'
with_bulk
truth "$WHEN" ringfence reload
each stream
each offloaded

WHEN='without a daemon'
site_daemon_kill
each unseen
WHEN='locked'
truth "$WHEN" ringfence lock
each silent
WHEN='a new daemon'
truth "$WHEN" site_daemon_start
each offloaded
WHEN='a daemon that takes over without the rule'
site_daemon_kill
without_bulk
truth "$WHEN" site_daemon_start
each silent
truth 'the table is as it should be, with a flowtable that nothing leads to' ringfence verify
site_done
