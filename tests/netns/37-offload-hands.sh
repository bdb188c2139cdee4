#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# offload: true, and what comes from elsewhere: nobody listens and the zone fails open, others edit the flowtable, interfaces are
# renamed or become a bridge's while no daemon is there.  What passes unjudged is never offloaded, what others do is told and set
# right, and a flow that the policy no longer permits ends, whatever became of the interfaces.  On Debian's kernel, as 34-offload.
. "$(dirname "$0")/offload.sh" || exit 2

# A bridge whose frames pass no hook of IP's on their way through it.
bridges_alone() {
	local f
	for f in /proc/sys/net/bridge/bridge-nf-call-*; do
		[ ! -e "$f" ] || in_ns fw sh -c "echo 0 >$f"
	done
}

# What opens while nobody is there: by the rule it is offloaded, unjudged it is not, and what is denied does not open.
burst() { # FROM TO PORT: ten flows
	in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[${SEG[$1]}]}" --src "${IP4[$1]}" --dst "${IP4[$2]}" --proto udp \
		--sport 20000 --flows 10 --dport "$3" --count 10 --token "$(printf %08x%08x $SRANDOM $SRANDOM)" >/dev/null
}
flow() { # FROM TO PORT: one, both ways
	in_ns "$1" "$NETPROBE" stream-send "${IP4[$2]}" "$3" --rate "$PPS" --seconds 1 --flows 1 --bind-port $(($3 - 40000)) >/dev/null
}
opened() { in_ns fw nft list counter inet ringfence failed-open | awk '$1 == "packets" { print $2 }'; }
arrived() { counted_in "$1" | awk -v name="port-$2" '$1 == name { print $2 }'; } # HOST PORT
denied() { burst axis vms 53; burst hik vms 50014; burst unk vms 50014; }
denied_arrived() { echo "$(arrived vms 53) $(arrived vms 50014)"; }
nobody_listens() {
	local before
	before=$(opened)
	flow axis vms 50014
	is "$WHEN: a new flow of the rule is offloaded" "$(tracked 50014 | grep -c OFFLOAD)" 1
	is "$WHEN: and not counted as unjudged" "$(opened)" "$before"
	flow axis2 prec 50015
	is "$WHEN: one that the daemon would judge passes" "$(tracked 50015 | grep -vc UNREPLIED)" 1
	is "$WHEN: is not offloaded" "$(tracked 50015 | grep -c OFFLOAD)" 0
	burst axis axis2 53
	is "$WHEN: what nobody permits passes unjudged, too" "$(arrived axis2 53)" 10
	is "$WHEN: each unjudged flow is counted" $(($(opened) - before)) 11
	before=$(denied_arrived)
	denied
	is "$WHEN: what is denied does not" "$(denied_arrived) $(tracked 50014 | grep -c "${IP4[hik]}\|${IP4[unk]}")" "$before 0"
}

hangs_on() { in_ns fw nft list flowtables | grep 'devices =' | grep -cw "$1"; } # DEVICE
edit() { # NAME EVENT COMMAND: what others do with nft is told and set right
	local seq
	seq=$(last_seq)
	truth "$1" in_ns fw nft "$3"
	truth "$1: an event says so" told_soon "$seq" tamper "$2"
	truth "$1: it is set right" ringfence verify
}

offload_up 37-offload-hands without_flowtables
truth 'the flowtable itself: what others do to it is told, and set right' "$SITE_BUILD/t/kern/flow_live_test"
for h in axis2 vms; do counter $h port-53 input udp dport 53; done
counter vms port-50014 input udp dport 50014
denied
site_wait 'what is denied later' eval '[ "$(denied_arrived)" = "10 20" ]'
is 'control: without a table it arrives' "$(denied_arrived)" '10 20'
WHEN='with fail: open'
with_bulk +fail 'cctv: open'
offload_start
each stream
offloaded
WHEN='without a daemon'
seq=$(last_seq)
site_daemon_kill
unseen
nobody_listens
WHEN='a new daemon'
truth "$WHEN" site_daemon_start
truth "$WHEN: tells what passed unjudged" told_soon "$seq" outage '"passed"'
offloaded
WHEN='the permission is gone'
without_bulk +fail 'cctv: open'
truth "$WHEN" ringfence reload
silent
truth 'the table is as it should be, with a flowtable that nothing leads to' ringfence verify

WHEN='edits by others'
with_bulk
truth "$WHEN" ringfence reload
edit "$WHEN: a device" 'flowtable bulk added' 'add flowtable inet ringfence bulk { hook ingress priority 0; devices = { out0 }; }'
is "$WHEN: a device: it is taken away" "$(hangs_on out0) $(hangs_on core0)" '0 1'
edit "$WHEN: the flowtable deleted" 'flowtable bulk deleted' \
	'flush chain inet ringfence forward-post; delete flowtable inet ringfence bulk'
truth "$WHEN: another flowtable" in_ns fw nft \
	"add table inet other; add flowtable inet other bulk { hook ingress priority 1; devices = { $CAM0 }; }"
ringfence verify >"$SITE_DIR/verify"
is "$WHEN: another flowtable: verify finds it" $? 1
truth "$WHEN: another flowtable: by name" grep "flowtable bulk of table other hangs on $CAM0" "$SITE_DIR/verify"
in_ns fw nft delete table inet other
WHEN="in others' flowtable"
policy_write +rules "${BULK/, offload: true/}"
truth "$WHEN: a rule that does not ask for it" ringfence reload
in_ns fw nft -f - <<-NFT
	table inet other {
	 flowtable bulk { hook ingress priority 1; devices = { $CAM0, $CAM1, core0 }; }
	 chain c { type filter hook forward priority 20; udp dport 50010-50019 ct state established flow add @bulk; }
	}
NFT
offloaded
without_bulk
truth "$WHEN: a reload without the rule" ringfence reload
silent
in_ns fw nft delete table inet other
with_bulk
truth "$WHEN: and with ours again" ringfence reload
offloaded

WHEN='renamed while nobody is there'
site_daemon_kill
renamed "$CAM0" cam9
in_ns fw ip addr add "${GATE6[cam0]}" dev cam9 nodad
look_between sent four six
for name in four six; do silent_one $name; done	# "asked" comes in by the other one, and its answers are lost
renamed cam9 "$CAM0"
in_ns fw ip addr add "${GATE6[cam0]}" dev "$CAM0" nodad
WHEN='behind a bridge that nobody has seen come'
bridges_alone
core_behind_bridge "$CORE0" port0
offloaded
WHEN='a daemon that takes over without the rule'
without_bulk
truth "$WHEN" site_daemon_start
silent
truth 'the table is as it should be' ringfence verify
site_done
