#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No device's flood delays another's first packet.  A, and others beside it, open new flows that userspace has to be asked about
# as fast as they can; B opens one now and then.  Nothing is timed: how much of A is decided before B is counted, with the
# daemon stopped in between so that everything waits.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
CHUNKS=4 CHUNK=2500 B_FLOWS=60

# What one guarded end opens to another is userspace's to judge: a camera to the recorder.
to_recorder() { # HOST FAMILY TOKEN SPORT COUNT [OPTION]...
	local host=$1 fam=$2 token=$3 sport=$4 n=$5
	shift 5
	sender_send "$host" -i eth0 --smac "${MAC[$host]}" --dmac "${GATE_MAC[${SEG[$host]}]}" --src "$(addr_of "$host" "$fam")" \
		--dst "$(addr_of prec "$fam")" --proto udp --sport "$sport" --dport 50430 --flows "$n" --count "$n" --token "$token" "$@"
}

new_token() { printf -v "$1" %08x%08x $SRANDOM $SRANDOM; }

# What the kernel's queues have dropped: because they were full, because nobody could take it.
queue_drops() { in_ns fw awk '{ n += $6 + $7 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue; }

# Chunks of A, then one packet of B, into the queue of a daemon that hangs; sets FIRST: how many of A
# are decided before B, MOST: what the meters let in until B came (1,000 at once, 5,000 a second, of each), and B_GOT.  A is whoever
# is named, in turn.
PORT=20000 DENIED=1000
behind() { # HOST...
	local i token b order key began hosts=("$@")
	declare -A of_a=()
	new_token b
	site_daemon_hang
	began=$(date +%s%N)
	for ((i = 0; i < CHUNKS; i++)); do
		new_token token
		of_a[$token]=1
		to_recorder "${hosts[i % $#]}" 4 "$token" $((20000 + (i / $#) * CHUNK + PORT % 7)) $CHUNK --dport $((50440 + PORT % 100))
	done
	to_recorder axis2 4 "$b" $((PORT += 1)) 1
	MOST=$(($# * (1100 + ($(date +%s%N) - began) / 200000)))
	site_daemon_wake
	site_settle "prec.$b"
	counter_read prec
	B_GOT=${COUNTED[prec.$b]:-0} FIRST=0
	# The counter tells tokens in the order in which it met them.
	order=$(arrivals)
	for key in $order; do
		[ "$key" != "$b" ] || break
		[ -z "${of_a[$key]:-}" ] || FIRST=$((FIRST + ${COUNTED[prec.$key]}))
	done
}

arrivals() {
	local token count
	echo >&"${COUNT_FD[prec]}"
	while read -r -t "$SITE_WAIT" token count <&"${ANSWER_FD[prec]}" && [ "$token" != end ]; do echo "$token"; done
}

stopped_between() { # NAME HOST...
	local name=$1 drops
	shift
	drops=$(queue_drops)
	behind "$@"
	is "$name: B's first packet is not lost" "$B_GOT" 1
	truth "$name: of $((CHUNKS * CHUNK)) packets ahead of it $FIRST are decided before it, $MOST at most" [ "$FIRST" -le "$MOST" ]
	is "$name: the queue was never full" "$(queue_drops)" "$drops"
}

# What comes in on a processor is asked in that one's queue, whose worker stays there.
given() { in_ns fw awk -v q=$((100 + $1)) '$1 == q { print $8 }' /proc/net/netfilter/nfnetlink_queue; } # QUEUE: packets so far
fans_out() {
	local all asks cpu before other token t
	all=$(getconf _NPROCESSORS_ONLN)
	asks=$((all < 4 ? all : 4))
	if [ "$all" -lt 2 ] || ! taskset -c 0,1 true 2>/dev/null; then skip 'several queues' 'one processor'; return; fi
	for ((cpu = 0; cpu < asks; cpu++)); do
		for t in /proc/"$DAEMON_PID"/task/*; do
			[ "$(<"$t/comm")" != ask-$cpu ] || break
		done
		is "worker ask-$cpu stays on its processor" "$(<"$t/comm") $(sed -n 's/^Cpus_allowed_list:\s*//p' "$t/status")" \
			"ask-$cpu $(seq -s, $cpu $asks $((all - 1)))"
	done
	for cpu in 0 1; do
		before=$(given $cpu) other=$(given $((1 - cpu)))
		new_token token
		in_ns axis2 taskset -c $cpu "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam1]}" --src "${IP4[axis2]}" --dst "${IP4[prec]}" \
			--proto udp --sport 30000 --dport $((50435 + cpu)) --flows 200 --count 200 --rate 2000 --token "$token" >/dev/null
		site_settle "prec.$token"
		is "what comes in on processor $cpu is asked in its queue: all of it is answered" "${COUNTED[prec.$token]:-0}" 200
		truth "and there alone ($(($(given $cpu) - before)), in the other one $(($(given $((1 - cpu))) - other)))" \
			[ $((($(given $cpu) - before) >= 200 && ($(given $((1 - cpu))) - other) < 20)) = 1 ]
	done
}

flood_start() { # HOST FILE [OPTION]...
	local host=$1 file=$2
	shift 2
	in_ns_bg "$host" "$file" "$NETPROBE" send -i eth0 --smac "${MAC[$host]}" --dmac "${GATE_MAC[${SEG[$host]}]}" \
		--src "${IP4[$host]}" --dst "${IP4[prec]}" --proto udp --sport 1024 --flows 60000 --dport 50431 --count 100000000 "$@"
	FLOODS+=" $SITE_LAST"
}

# Events of the kind about this MAC.
events_of() { # SEQ KIND HOST
	events_since "$1" "$2" | grep -c "$(tr a-f: A-F- <<<"${MAC[$3]}")"
}
packets_of() { # SEQ ADDRESS
	ringfence events --after "$1" --last 100000 --format ecs | python3 "$SITE_HERE/tally.py" events "$2" | sed -n 's/^packets //p'
}
packets_told() { [ "$(packets_of "$1" "$2")" = "$3" ]; }
told_flood() { [ "$(events_of "$1" flood axis)" -ge 1 ]; }

# B opens a flow every 50 ms and tries what it may not, while others flood; the flood goes on until all of that is sent.
beside() { # NAME FLOODERS: "HOST [OPTION]...", one each
	local name=$1 seq drops token denied fam before f
	shift
	seq=$(last_seq) drops=$(queue_drops) before=$(asked) FLOODS=
	for f in "$@"; do
		# shellcheck disable=SC2086
		set -- $f
		flood_start "$1" "$SITE_DIR/flood.$1" "${@:2}"
	done
	for fam in 4 6; do
		new_token token
		to_recorder axis2 $fam "$token" $((PORT += 200)) $((B_FLOWS / 2)) --rate 20
		sender_send axis2 -i eth0 --dmac "${GATE_MAC[cam1]}" --src "$(addr_of axis2 $fam)" --dst "$(addr_of prec $fam)" --proto udp \
			--sport 20000 --dport $((DENIED += 20)) --dflows 10 --count 10 --rate 20
		site_settle "prec.$token"
		is "$name: all new flows of B pass (IPv$fam)" "${COUNTED[prec.$token]:-0}" $((B_FLOWS / 2))
	done
	for f in $FLOODS; do site_kill "$f"; done
	truth "$name: userspace was asked about each of them" [ $(($(asked) - before)) -ge $((B_FLOWS + 20)) ]
	is "$name: the queues dropped nothing" "$(queue_drops)" "$drops"
	for fam in 4 6; do
		site_wait 'the events' packets_told "$seq" "$(addr_of axis2 $fam)" 10
		is "$name: what B may not is told, to the packet (IPv$fam)" "$(packets_of "$seq" "$(addr_of axis2 $fam)")" 10
	done
	is "$name: B is in no flood" "$(events_of "$seq" flood axis2)" 0
	SEQ=$seq
}

one_flood() {
	truth 'A floods: it is told' site_wait 'the event' told_flood "$SEQ"
	sleep 1
	truth "A floods: in one event or a few ($(events_of "$SEQ" flood axis))" [ "$(events_of "$SEQ" flood axis)" -le 3 ]
	truth "A floods: nor are there others of it ($(events_of "$SEQ" blocked axis))" [ "$(events_of "$SEQ" blocked axis)" -le 3 ]
}

site_up 43-fairness
site_servers
for fam in 4 6; do
	new_token token
	to_recorder axis2 $fam "$token" 20000 20
	site_settle "prec.$token"
	is "control: B's flows arrive (IPv$fam)" "${COUNTED[prec.$token]:-0}" 20
done
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123; done
fans_out
stopped_between 'behind a flood' axis
sleep 1	# its meter is full again
stopped_between 'behind two floods' axis prec
beside 'A floods' axis
one_flood
beside 'A and another flood' axis dah
beside 'forged MACs and addresses' 'hik --random-mac --random-addr' 'hik --random-mac'
beside "forged with A's MAC" "hik --smac ${MAC[axis]} --random-addr"
truth "the kernel's table is what it should be" ringfence verify
site_done
