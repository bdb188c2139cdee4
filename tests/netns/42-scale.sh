#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A tenth of the limits of scale (SCALE=1: all of it): 10,000 rules, 100,000 devices with bindings, 100,000 prefixes, 64 guarded
# interfaces: the kernel's table is what it should be, times and memory are told.  10,000 new devices in a burst are learnt;
# a burst behind one interface, and a device with ever more IPv6 addresses, meet their limits: what is beyond stays closed and is
# an event, and what is within is learnt.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
SCALE=${SCALE:-10} IFACES=64
RULES=$((10000 / SCALE)) DEVICES=$((100000 / SCALE)) PREFIXES=$((100000 / SCALE)) BURST=$((10000 / SCALE))

now_ms() { echo $(($(date +%s%N) / 1000000)); }
cpu_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$DAEMON_PID/stat"; }
memory() { awk '/VmHWM|VmRSS/ { printf " %s %d MiB", $1, $2 / 1024 }' "/proc/$DAEMON_PID/status"; }
timed() { # NAME COMMAND...
	local name=$1 from cpu
	shift
	from=$(now_ms) cpu=$(cpu_ms 2>/dev/null || echo 0)
	truth "$name" "$@"
	echo "# $name: $(($(now_ms) - from)) ms, the daemon's CPU $(($(cpu_ms) - cpu)) ms;$(memory)"
}

bindings() { status_word bindings; }
has_bindings() { sleep 0.2; [ "$(bindings)" -ge "$1" ]; }

claims_start() { # ARGUMENT...
	in_ns_bg sw "$SITE_DIR/claims" python3 "$SITE_HERE/claims.py" "$@"
	CLAIMS_PID=$SITE_LAST
	site_wait_line "$SITE_DIR/claims" claimed
}

# Flows of the first device to the first host: decided ones, new ones, and what is denied.
declare -A FLOWS TOKEN
flow_start() { # NAME PORT FLOWS RATE
	local token mac
	printf -v token %08x%08x $SRANDOM $SRANDOM
	mac=$(ip -n "$(site_ns fw)" -o link show g0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
	in_ns_bg sw "$SITE_DIR/flow.$1" "$NETPROBE" send -i p0 --smac ac:cc:8e:00:00:00 --dmac "$mac" --src 10.64.1.0 --dst 11.0.0.1 \
		--proto udp --sport 20000 --dport "$2" --flows "$3" --rate "$4" --seconds 100000 --token "$token"
	FLOWS[$1]=$SITE_LAST TOKEN[$1]=$token
}
flows_start() {
	flow_start decided 7 16 1000
	flow_start new 8 40000 300
	flow_start denied 9 40000 300
	sleep 0.5
}
flows_stop() { # NAME DENIED: all|none
	local f sent
	for f in decided new denied; do site_kill "${FLOWS[$f]}"; done
	site_settle "vms.${TOKEN[decided]}" "vms.${TOKEN[new]}" "vms.${TOKEN[denied]}"
	for f in decided new denied; do
		sent=$(sed -n 's/^sent //p' "$SITE_DIR/flow.$f")
		[ "$f$2" != deniednone ] || sent=0
		is "$1: $f flows: $sent packets arrive" "${COUNTED[vms.${TOKEN[$f]}]:-0}" "$sent"
	done
}

big() {
	local from
	from=$(now_ms)
	truth 'the daemon starts' site_daemon_start
	echo "# $RULES rules, $DEVICES devices, $PREFIXES prefixes, $IFACES interfaces: ready after $(($(now_ms) - from)) ms, CPU $(cpu_ms) ms;$(memory)"
	is 'every device has its binding in the kernel' "$(bindings)" "$DEVICES"
	timed 'the table is what it should be' ringfence verify
	flows_start
	timed 'reload' ringfence reload
	flows_stop 'over a reload' none
	# By itself: the policy before is gone (one that follows at once has three in memory), the peak begins anew.
	site_wait 'the policy before to go' status_is retired_judges 0
	echo 5 >"/proc/$DAEMON_PID/clear_refs"
	timed 'reload again' ringfence reload
	truth 'the table is still what it should be' ringfence verify
	is 'and so are the bindings' "$(bindings)" "$DEVICES"
	site_wait 'old policies to go' status_is retired_judges 0
	echo "# after two reloads:$(memory)"
}

burst() {
	local from cpu each=$(((BURST + IFACES - 1) / IFACES))
	from=$(now_ms) cpu=$(cpu_ms)
	claims_start $IFACES $each
	truth "$((each * IFACES)) new devices in a burst are learnt" site_wait 'their bindings' has_bindings $((DEVICES + each * IFACES))
	echo "# learnt after $(($(now_ms) - from)) ms, the daemon's CPU $(($(cpu_ms) - cpu)) ms;$(memory)"
	is 'no limit was hit' "$(status_word limits_hit)" 0
	truth 'the table is what it should be' ringfence verify
	site_kill "$CLAIMS_PID" KILL
	LEARNT=$((DEVICES + each * IFACES))
}

# 600 new MACs a minute behind one interface.  Those that were learnt a moment ago are no new ones.
crowd() {
	local seq each=$(((BURST + IFACES - 1) / IFACES)) many=1000
	seq=$(last_seq)
	claims_start 1 $many
	truth 'the first of a crowd behind one interface are learnt' site_wait 'some' has_bindings $((LEARNT + 600 - each))
	sleep 3
	truth 'and not all of them at once' [ "$(bindings)" -lt $((LEARNT + many - each)) ]
	truth 'the limit is an event' told_soon "$seq" flood 'too many new MACs this minute'
	is 'one, not thousands' "$(events_since "$seq" flood | grep -c 'too many new MACs')" 1
	truth 'and in the status' [ "$(status_word limits_hit)" -ge 1 ]
	SITE_WAIT=150 site_wait 'the rest' has_bindings $((LEARNT + many - each))
	is 'the rest is learnt in the next minutes' "$(bindings)" $((LEARNT + many - each))
	site_kill "$CLAIMS_PID" KILL
	LEARNT=$((LEARNT + many - each))
}

# 100 IPv6 addresses of one MAC.
privacy() {
	local seq
	seq=$(last_seq)
	claims_start 1 1 120
	truth 'a device with many IPv6 addresses: some are learnt' site_wait 'a hundred' has_bindings $((LEARNT + 100))
	sleep 3
	is 'a hundred of them, no more' "$(bindings)" $((LEARNT + 100))
	truth 'the limit is an event' told_soon "$seq" flood 'too many addresses of one MAC'
	is 'one, not thousands' "$(events_since "$seq" flood | grep -c 'too many addresses')" 1
	site_kill "$CLAIMS_PID" KILL
}

site_up 42-scale
SITE_WAIT=$((SITE_WAIT + 60))
python3 "$SITE_HERE/scale.py" "$SITE_DIR" "$(site_ns sw)" $RULES $DEVICES $PREFIXES $IFACES || site_die 'no policy'
{ ip -n "$(site_ns fw)" -batch "$SITE_DIR/links" && ip -n "$(site_ns sw)" -batch "$SITE_DIR/peers"; } || site_die 'the interfaces'
in_ns fw ip route add 11.0.0.0/8 via "${IP4[vms]}"
counter_start vms
flows_start
flows_stop control all
big
[ "${SITE_ONLY:-}" != big ] || site_done
burst
crowd
privacy
site_done
