# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scenarios of offload: true share: streams both ways, and what of them passes the firewall's forward hook.  Sourced after
# probe.sh, policy.sh and ask.sh.

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
look() {
	local name n
	for name in "${!NOW[@]}"; do WAS[$name]=${NOW[$name]}; done
	each look_at
	while read -r name n; do NOW[$name]=$n; done < <(counted_in fw)
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

# Packets arrive and hardly any passes the hook, for half a second: what is learnt meanwhile may call the flows back for a moment.
unseen_one() {
	local got hook
	got=$(grown "got-$1") hook=$(grown "hook-$1")
	truth "$WHEN: $1: $got packets arrived, $hook passed the hook" [ "$got" -gt 5 -a "$hook" -le $((got / 20)) ]
}
unseen() { look && sleep 0.5 && look && each unseen_one; }
silent_one() {
	truth "$WHEN: $1: $(grown "sent-$1") packets are sent" [ "$(grown "sent-$1")" -gt 5 ]
	is "$WHEN: $1: none of them arrives" "$(grown "got-$1")" 0
}
silent() { look && sleep 0.5 && look && each silent_one; }
