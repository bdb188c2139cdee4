#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every dropped packet is accounted for: a million of them in 10,000 flows; the sum over the events is
# what was sent and what the kernel's own counters say, and the residual is 0.  A port scan too, most of
# which userspace never sees and which is few events, and a flood during which the daemon is killed.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
PACKETS=${PACKETS:-1000000}
PPS=${PPS:-20000}
SCAN=${SCAN:-100000}
[ -z "${RINGFENCE_VM:-}" ] || PACKETS=50000 PPS=1500 SCAN=30000

flood() { # PACKETS [OPTION]...: of 10,000 flows, from hik to the desk; sets FLOOD, adds to ALL
	printf -v FLOOD %08x%08x $SRANDOM $SRANDOM
	ALL=$((ALL + $(in_ns hik "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[desk]}" \
		--proto udp --sport 20000 --dport 1000 --flows 100 --dflows 100 --count "$1" --rate "$PPS" --token "$FLOOD" "${@:2}" |
		sed -n 's/^sent //p')))
}
ALL=0

# Floods are told by device and not by address; ECS writes a MAC its own way.
HIK_MAC=$(tr a-f: A-F- <<<"${MAC[hik]}")
events_tally() { ringfence events --last 100000 --format ecs | python3 "$SITE_HERE/tally.py" events "${IP4[hik]}" "$HIK_MAC"; }
status_tally() { ringfence status --json | python3 "$SITE_HERE/tally.py" status; }
word() { sed -n "s/^$2 //p" <<<"$1"; }

# The ledger is read every ten seconds, and what it says is recorded a little later.
summed() { [ $(($(word "$(events_tally)" packets) + $(word "$(status_tally)" residual))) = "$ALL" ]; }

scanned() { ringfence events --last 100000 --format ecs | grep -q '"code":"scan".*"ports":'; }

report() { # NAME
	local e s
	site_wait "the events to add up to $ALL" summed
	e=$(events_tally) s=$(status_tally)
	is "$1: the events and the stated residual add up to what was sent" \
		"$(($(word "$e" packets) + $(word "$s" residual)))" "$ALL"
	is "$1: no gap in their numbers" "$(word "$e" gaps)" 0
	is "$1: the kernel's counters say the same as the events" "$(word "$s" unequal)" 0
	grep '^#' <<<"$s"
}

# What the machine itself has lost, of anybody's packets: a processor that others keep busy may not get its backlog done.
backlog_lost() {
	local dropped n=0
	while read -r _ dropped _; do n=$((n + 16#$dropped)); done </proc/net/softnet_stat
	echo $n
}

# At the desk, or lost by who counts there: sets CAME.
all_came() { # PACKETS
	counter_read desk
	CAME=$((${COUNTED[desk.$FLOOD]:-0} + ${COUNTED[desk.overruns]:-0}))
	[ "$CAME" -ge "$1" ]
}

site_up 40-accounting
site_servers
# The way is known: what waits for a neighbour's answer is more at this rate than the kernel keeps for it.
site_learn hik desk udp 1000
lost=$(backlog_lost)
flood "$PACKETS"
site_wait "all $ALL packets that were sent" all_came "$ALL"
ALL=0
site_settle "desk.$FLOOD"
all_came "$PACKETS"
is "control: all of them arrive (of all packets on this machine $(($(backlog_lost) - lost)) were lost meanwhile)" "$CAME" "$PACKETS"
[ "${SITE_ONLY:-}" != control ] || site_done
# Nothing could ever be allowed to R, not even inside its zone: the kernel denies it by itself.
policy_write -recorder-pulls -cameras-send-rtp
truth 'the daemon starts' site_daemon_start
SITE_WAIT=$((SITE_WAIT + 120))
before=$(status_tally)
flood "$PACKETS"
report "$PACKETS packets of 10,000 flows"
after=$(status_tally)
is 'none arrives' "$(count_of desk "$FLOOD")" 0
is 'the kernel counted them' \
	"$(($(word "$after" kernel) + $(word "$after" residual) - $(word "$before" kernel)))" "$ALL"
is 'nothing is left over' "$(word "$after" residual)" 0
[ "$PPS" -lt 10000 ] || truth 'a flood that lasts is met before its route is looked up' \
	in_ns fw sh -c 'nft list chain inet ringfence early | grep -q "goto flooded-udp4"'
truth 'the table is as the daemon made it' ringfence verify

# Every packet to another port: userspace is asked about the first ones alone.
blocked() { ringfence events --last 100000 --format ecs | grep -c '"code":"blocked"'; }
site_learn axis clock udp 123
was_asked=$(judged) was_blocked=$(blocked) was_sent=$ALL seq=$(last_seq)
flood "$SCAN" --flows 1 --dflows 60000
report "a scan of $SCAN ports"
truth "userspace saw less than one in a hundred ($(($(judged) - was_asked)))" [ $((($(judged) - was_asked) * 100)) -lt $((ALL - was_sent)) ]
truth 'it is told as a scan' scanned
truth "and in few events ($(($(blocked) - was_blocked)))" [ $(($(blocked) - was_blocked)) -lt 300 ]
# One for each page of the ledger that it met.
n=$(events_since "$seq" scan | grep -c "$HIK_MAC") pages=$((SCAN / PPS / 10 + 2))
truth "the scan itself in one or one more ($n), the rest of it in as many floods ($(events_since "$seq" flood | grep -c "$HIK_MAC"))" \
	[ $((n >= 1 && n <= pages && $(events_since "$seq" flood | grep -c "$HIK_MAC") <= pages)) = 1 ]
is 'the scan: none arrives' "$(count_of desk "$FLOOD")" 0

# While R scans one host it tries another; while a desk scans a camera by some router's MAC, somebody else does by the same.  What is
# tried is told with both its ends.
packets_from_to() { # SEQ HOST HOST: told of port 445
	ringfence events --after "$1" --kind blocked --last 100000 --format ecs | python3 -c '
import json, sys
n = 0
for e in map(json.loads, sys.stdin):
    to = e.get("destination", {})
    if (e.get("source", {}).get("ip"), to.get("ip"), to.get("port")) == (sys.argv[1], sys.argv[2], 445):
        n += e["network"]["packets"]
print(n)' "${IP4[$2]}" "${IP4[$3]}"
}
told_from_to() { [ "$(packets_from_to "$1" "$2" "$3")" = 40 ]; }
scan_of() { # HOST TARGET OUTPUT: 500 a second
	in_ns_bg "$1" "$3" "$NETPROBE" send -i eth0 --smac "${MAC[$1]}" --dmac "${GATE_MAC[${SEG[$1]}]}" --src "${IP4[$1]}" \
		--dst "${IP4[$2]}" --proto tcp-syn --sport 20000 --dport 10000 --dflows 40000 --count 15000 --rate 500
}
tries() { # HOST MAC-OF TARGET
	sender_send "$1" -i eth0 --smac "${MAC[$2]}" --dmac "${GATE_MAC[${SEG[$1]}]}" --src "${IP4[$1]}" --dst "${IP4[$3]}" \
		--proto tcp-syn --sport 20000 --dport 445 --count 40 --rate 10
}
seq=$(last_seq)
scan_of hik desk "$SITE_DIR/scan.hik"
scans=$SITE_LAST
scan_of desk axis "$SITE_DIR/scan.desk"
scans+=" $SITE_LAST"
is_scan() { in_ns fw nft list set inet ringfence scans-4 | grep -q "${IP4[$1]} . ${IP4[$2]}"; } # HOST TARGET
truth 'a scan is known for one' site_wait 'the set of scans' is_scan hik desk
truth 'so is the one by a router' site_wait 'the set of scans' is_scan desk axis
tries hik hik files
tries siem desk axis
truth 'a scan does not hide what its sender tries elsewhere' site_wait 'the event' told_from_to "$seq" hik files
truth 'nor what others try through the same router' site_wait 'the event' told_from_to "$seq" siem axis
for f in $scans; do wait "$f"; done
ALL=$((ALL + 40 + $(sed -n 's/^sent //p' "$SITE_DIR/scan.hik")))
report 'what was tried beside a scan'

# Killed with a flood under way: what the kernel counts meanwhile is read by the next daemon.
kill_soon() { sleep 3; kill -KILL "$DAEMON_PID"; }
kill_soon &
flood $((PPS * 6)) --dflows 3000
wait "$DAEMON_PID" 2>/dev/null
DAEMON_PID=
truth 'killed in a flood, and started again' site_daemon_start
report 'killed in a flood'
is 'killed in a flood: none arrives' "$(count_of desk "$FLOOD")" 0
truth 'the store holds together' ringfence events verify
site_done
