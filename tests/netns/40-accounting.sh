#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every dropped packet is accounted for: a million of them in 10,000 flows; the sum over the events is
# what was sent and what the kernel's own counters say, and the residual is 0.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
PACKETS=${PACKETS:-1000000}
PPS=${PPS:-20000}
[ -z "${RINGFENCE_VM:-}" ] || PACKETS=50000 PPS=1500

flood() { # PACKETS: of 10,000 flows, from hik to the desk; sets SENT and FLOOD
	printf -v FLOOD %08x%08x $SRANDOM $SRANDOM
	SENT=$(in_ns hik "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[desk]}" --proto udp \
		--sport 20000 --dport 1000 --flows 100 --dflows 100 --count "$1" --rate "$PPS" --token "$FLOOD" | sed -n 's/^sent //p')
}

# Floods are told by device and not by address; ECS writes a MAC its own way.
HIK_MAC=$(tr a-f: A-F- <<<"${MAC[hik]}")
events_tally() { ringfence events --last 100000 --format ecs | python3 "$SITE_HERE/tally.py" events "${IP4[hik]}" "$HIK_MAC"; }
status_tally() { ringfence status --json | python3 "$SITE_HERE/tally.py" status; }
word() { sed -n "s/^$2 //p" <<<"$1"; }

# The ledger is read every ten seconds, and what it says is recorded a little later.
summed() { [ $(($(word "$(events_tally)" packets) + $(word "$(status_tally)" residual))) = "$SENT" ]; }

report() { # NAME
	local e s
	site_wait "the events to add up to $SENT" summed
	e=$(events_tally) s=$(status_tally)
	is "$1: the events and the stated residual add up to what was sent" \
		"$(($(word "$e" packets) + $(word "$s" residual)))" "$SENT"
	is "$1: no gap in their numbers" "$(word "$e" gaps)" 0
	is "$1: the kernel's counters say the same as the events" "$(word "$s" unequal)" 0
	grep '^#' <<<"$s"
}

site_up 40-accounting
site_servers
flood "$PACKETS"
site_settle "desk.$FLOOD"
counter_read desk
is 'control: all of them arrive' "$((COUNTED[desk.$FLOOD] + COUNTED[desk.overruns]))" "$PACKETS"
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
truth 'the daemon starts' site_daemon_start
SITE_WAIT=$((SITE_WAIT + 120))
before=$(status_tally)
flood "$PACKETS"
report "$PACKETS packets of 10,000 flows"
after=$(status_tally)
is 'none arrives' "$(count_of desk "$FLOOD")" 0
is 'the kernel counted them' \
	"$(($(word "$after" kernel) + $(word "$after" residual) - $(word "$before" kernel)))" "$SENT"
is 'nothing is left over' "$(word "$after" residual)" 0
truth 'the store holds together' ringfence events verify
site_done
