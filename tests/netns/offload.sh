# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scenarios of offload: true share: a site whose kernel has flowtables, streams both ways, and what of them passes the
# firewall's forward hook.  Sourced alone: it brings probe.sh, policy.sh and ask.sh.
. "$(dirname "${BASH_SOURCE[0]}")/probe.sh" || exit 2
. "$(dirname "${BASH_SOURCE[0]}")/policy.sh" || exit 2
. "$(dirname "${BASH_SOURCE[0]}")/ask.sh" || exit 2

PPS=${PPS:-${RINGFENCE_VM:+50}}
PPS=${PPS:-500}

# Stream: name, from, to, family, port.  "asked" stays between guarded interfaces, where userspace decides.
STREAMS='four axis vms 4 50010
six axis vms 6 50011
asked axis2 prec 4 50012'
BULK='- { id: bulk, from: cctv, to: [vms, recorders], services: [udp/50010-50019], action: allow, offload: true }'
PULLS='- { id: pulls, from: vms, to: cctv, services: [tcp/443], action: allow, offload: true }'
declare -A SENDER

with_bulk() { policy_write -cameras-send-rtp -vms-pulls +rules "$BULK" +rules "$PULLS" "$@"; }
without_bulk() { policy_write -cameras-send-rtp -vms-pulls +rules "$PULLS" "$@"; }
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
# What each stream has come to: NOW[sent-NAME], got, and hook, packets through the firewall's; and what it was the last time.
declare -A NOW WAS HOLDER
hold() { in_ns_bg "$1" /dev/null sleep 100000; HOLDER[$1]=$SITE_LAST; } # HOST: a process there, to read its counters by
datagrams() { # HOST FAMILY: sets IN and OUT
	local a all
	all=$(<"/proc/${HOLDER[$1]}/net/snmp$([ "$2" = 4 ] || echo 6)")	# whole: line by line it would be made anew
	while read -ra a; do
		case $2.${a[0]}.${a[1]} in
		4.Udp:.[0-9]*) IN=${a[1]} OUT=${a[4]} ;;
		6.Udp6InDatagrams.*) IN=${a[1]} ;;
		6.Udp6OutDatagrams.*) OUT=${a[1]} ;;
		esac
	done <<<"$all"
}
look_at() { # NAME FROM TO FAMILY PORT
	datagrams "$2" "$4"
	NOW[sent-$1]=$OUT
	datagrams "$3" "$4"
	NOW[got-$1]=$IN
}
look_now() {
	local name n
	each look_at
	while read -r name n; do NOW[$name]=$n; done < <(counted_in fw)
}
look() {
	local name
	for name in "${!NOW[@]}"; do WAS[$name]=${NOW[$name]}; done
	look_now
}
counted_in() { in_ns "$1" nft list counters table inet c | awk '$1 == "counter" { name = $2 } $1 == "packets" { print name, $2 }'; } # HOST
grown() { echo $((${NOW[$1]} - ${WAS[$1]})); }

stream() { # NAME FROM TO FAMILY PORT
	in_ns_bg "$2" "$SITE_DIR/stream.$1" "$NETPROBE" stream-send "$(addr_of "$3" "$4")" "$5" --rate "$PPS" --flows 1 \
		--bind-port $(($5 - 40000)) --seconds 100000
	SENDER[$1]=$SITE_LAST
}
stop() { site_kill "${SENDER[$1]}"; } # NAME ...

tracked() { in_ns fw cat /proc/net/nf_conntrack | grep -w "dport=$1"; } # PORT
is_offloaded() { # STREAMS
	local all name from to fam port
	all=$(in_ns fw cat /proc/net/nf_conntrack)
	while read -r name from to fam port; do
		grep -w "dport=$port" <<<"$all" | grep -q OFFLOAD || return 1
	done <<<"$1"
}
offloaded() { site_wait 'the flows to be offloaded' is_offloaded "$STREAMS"; is "$WHEN: all flows are offloaded" $? 0; }

enough() { # sent|got [STREAM]...: of each so many packets since the last look that they tell something
	local name what=$1
	look_now
	shift
	for name in ${*:-four six asked}; do [ "$(grown "$what-$name")" -gt 5 ] || return 1; done
}
# Half a second, and longer on a machine that gets less done in it.
look_between() { # sent|got [STREAM]...
	look_now
	look
	sleep 0.5
	site_wait "packets to be $1" enough "$@"
}
# Packets arrive and hardly any passes the hook: what is learnt meanwhile may call the flows back for a moment.
unseen_one() {
	local got hook
	got=$(grown "got-$1") hook=$(grown "hook-$1")
	truth "$WHEN: $1: $got packets arrived, $hook passed the hook" [ "$got" -gt 5 -a "$hook" -le $((got / 20)) ]
}
unseen() { look_between got; each unseen_one; }
silent_one() {
	truth "$WHEN: $1: $(grown "sent-$1") packets are sent" [ "$(grown "sent-$1")" -gt 5 ]
	is "$WHEN: $1: none of them arrives" "$(grown "got-$1")" 0
}
silent() { look_between sent; each silent_one; }

without_flowtables() {
	skip 'flows that are offloaded' 'this kernel has no flowtables'
	site_done
}
offload_up() { # NAME COMMAND: what ends the scenario where the kernel has no flowtables
	local h
	site_up "$1"
	site_servers udp:50010 udp:50011 udp:50012 udp:50013 udp:50014 udp:50015
	has_flowtables || "$2"
	each witness
	for h in axis axis2 vms prec; do hold $h; done
}
offload_start() { # the daemon; the streams' devices are known
	local d
	truth 'the daemon starts' site_daemon_start
	for d in axis axis2 prec; do site_learn $d clock udp 123; done
}

renamed() { # IFACE NAME: with its IPv4 address
	printf 'link set %s down\nlink set %s name %s\nlink set %s up\n' "$1" "$1" "$2" "$2" | ip -n "$(site_ns fw)" -batch -
}
# The core's interface becomes a port of a bridge, which has its addresses.
core_behind_bridge() { # BRIDGE PORT: what the interface is called then
	[ "$2" = "$CORE0" ] || renamed "$CORE0" "$2" || return 1
	ip -n "$(site_ns fw)" -batch - <<-BATCH
		addr flush dev $2
		link add $1 address ${GATE_MAC[core]} type bridge stp_state 0 forward_delay 0 mcast_snooping 0
		link set $2 master $1
		link set $1 up
		addr add ${GATE4[core]} dev $1
		addr add ${GATE6[core]} dev $1 nodad
	BATCH
}
