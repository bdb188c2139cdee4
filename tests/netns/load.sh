# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The load that changes are made under: what is permitted must arrive packet by packet, what is
# forbidden not at all.  Sourced after probe.sh.
#
#	load_start; ...; load_stop 'NAME'	all exact: sent - received - the receiver's own overruns
#
# Permitted: one UDP stream of 16 flows at $LOAD_PPS from axis to the VMS, both families; a TCP
# connection of the VMS that goes to and fro; $LOAD_NEW new flows a second.  Forbidden, as many packets
# a second each: R to a desk, the VMS to R, A where it may not.  The emulated machine is 20 to 50 times
# slower: there the load is what leaves it half of its time.
LOAD_PPS=${LOAD_PPS:-${RINGFENCE_VM:+400}}
LOAD_PPS=${LOAD_PPS:-20000}
LOAD_NEW=${LOAD_NEW:-${RINGFENCE_VM:+25}}
LOAD_NEW=${LOAD_NEW:-100}

load_stream() { # NAME ADDRESS PORT RATE
	in_ns_bg vms "$SITE_DIR/load.$1.recv" "$NETPROBE" stream-recv "$3" --seconds 1
	LOAD_RECV[$1]=$SITE_LAST
	site_wait_line "$SITE_DIR/load.$1.recv" ready
	in_ns_bg axis "$SITE_DIR/load.$1.send" "$NETPROBE" stream-send "$2" "$3" --rate "$4" --flows 16 --seconds 100000
	LOAD_SEND[$1]=$SITE_LAST
}

load_flood() { # NAME FROM TO PROTO DPORT [OPTION]...: $LOAD_NEW packets a second, counted by token
	local name=$1 from=$2 to=$3 proto=$4 dport=$5 token gate=${SEG[$2]}
	shift 5
	printf -v token %08x%08x $SRANDOM $SRANDOM
	LOAD_TOKEN[$name]=$to.$token
	in_ns_bg "$from" "$SITE_DIR/load.$name" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[$gate]}" --src "${IP4[$from]}" \
		--dst "${IP4[$to]}" --proto "$proto" --sport 20000 --dport "$dport" --rate "$LOAD_NEW" --seconds 100000 --token "$token" "$@"
	LOAD_SEND[$name]=$SITE_LAST
}

declare -A LOAD_RECV LOAD_SEND LOAD_TOKEN
load_start() {
	LOAD_RECV=() LOAD_SEND=() LOAD_TOKEN=()
	# The way is known: what waits for a neighbour's answer is more at this rate than the kernel keeps for it.
	site_learn axis vms udp 50302
	load_stream v4 "${IP4[vms]}" 50300 $((LOAD_PPS * 3 / 4))
	load_stream v6 "${IP6[vms]}" 50301 $((LOAD_PPS / 4))
	in_ns_bg vms "$SITE_DIR/load.tcp" "$NETPROBE" connect "${IP4[axis]}" 443 --send 5000 --rounds 1000000 --pause-ms 20 \
		--timeout-ms 20000
	LOAD_TCP=$SITE_LAST
	load_flood new axis vms udp 50302 --flows 40000
	load_flood r-opens hik desk udp 53 --flows 40000
	load_flood to-r vms hik tcp-syn 443 --flows 40000
	load_flood a-where-not axis desk udp 53 --flows 40000
	site_wait_line "$SITE_DIR/load.tcp" 'round 3'
}

load_field() { sed -n "s/^$2 //p" "$1"; }

load_rounds() { grep -c '^round' "$SITE_DIR/load.tcp"; }

load_lost() { # STREAM: sets LOAD_LOST: sent but neither received nor lost by the receiver
	local sent unique over
	sent=$(load_field "$SITE_DIR/load.$1.send" sent)
	unique=$(load_field "$SITE_DIR/load.$1.recv" unique)
	over=$(load_field "$SITE_DIR/load.$1.recv" overruns)
	LOAD_SAID="$sent packets, the receiver's overruns $over, reordered $(load_field "$SITE_DIR/load.$1.recv" reordered)"
	LOAD_LOST=$((sent - unique - over))
}

# Ends the load; reports under NAME what the site is to show: forbidden arrives only in the control run.
load_stop() { # NAME [FORBIDDEN: none|all]
	local name=$1 forbidden=${2:-none} n sent k
	n=$(load_rounds)
	site_wait 'more rounds' load_more "$n" || :
	is "$name: the TCP connection goes on" "$(kill -0 "$LOAD_TCP" 2>/dev/null && [ "$(load_rounds)" -gt "$n" ] && echo on)" on
	for k in "${!LOAD_SEND[@]}"; do site_kill "${LOAD_SEND[$k]}"; done
	site_kill "$LOAD_TCP"
	site_settle "${LOAD_TOKEN[@]}"
	for k in "${!LOAD_RECV[@]}"; do site_kill "${LOAD_RECV[$k]}"; done
	for k in v4 v6; do
		load_lost $k
		is "$name: stream $k: nothing lost of $LOAD_SAID" "$LOAD_LOST" 0
	done
	for k in "${!LOAD_TOKEN[@]}"; do
		sent=$(load_field "$SITE_DIR/load.$k" sent)
		n=${COUNTED[${LOAD_TOKEN[$k]}]:-0}
		case $k.$forbidden in
		new.* | *.all) is "$name: $k: all $sent arrive" "$n" "$sent" ;;
		*) is "$name: $k: none of $sent arrives" "$n" 0 ;;
		esac
	done
}

load_more() { [ "$(load_rounds)" -gt "$1" ]; }
