#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is allowed is counted: every packet and byte once, of flows that ended and of flows that live,
# over restarts and behind NAT, and put to the right device and rule.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
SPORT=1000 NEXT=30000

# N packets of one flow (or FLOWS) from axis to the VMS; sets SENT.
rtp() { # DPORT COUNT [FAMILY] [OPTION]...
	local port=$1 n=$2 fam=${3:-4}
	shift $(($# > 3 ? 3 : $#))
	sender_send axis -i eth0 --smac "${MAC[axis]}" --dmac "${GATE_MAC[cam0]}" --src "$(addr_of axis "$fam")" \
		--dst "${TO:-$(addr_of vms "$fam")}" --proto udp --sport "${SPORT_AT:-$((NEXT += 1))}" --dport "$port" \
		--count "$n" --rate 5000 "$@"
}

top() { ringfence top --json --last 100000 | python3 "$SITE_HERE/top.py" "$@"; } # KEY=VALUE...
is_counted() { # "FLOWS PACKETS" KEY=VALUE...
	sleep 1
	local want=$1
	shift
	[ "$(top "$@" | cut -d' ' -f1,2)" = "$want" ]
}
counted() { # NAME "FLOWS PACKETS" KEY=VALUE...
	local name=$1 want=$2
	shift 2
	site_wait "$name: $want" is_counted "$want" "$@"
	is "$name" "$(top "$@" | cut -d' ' -f1,2)" "$want"
}
is_opened() { # both ways have packets
	local n
	sleep 1
	read -ra n <<<"$(top rule=vms-pulls service=tcp/443 "from=${IP4[vms]}" "to=${IP4[axis]}")"
	[ "${n[0]}" = 1 ] && [ "${n[1]}" -gt 2 ] && [ "${n[3]}" -gt 1 ]
}
bytes_of() { top "$@" | cut -d' ' -f3; }

ending() {
	local bytes
	rtp 50010 1000
	counted 'a flow' '1 1000' service=udp/50010
	bytes=$(bytes_of service=udp/50010)
	is 'all of its packets have the same bytes' "$((bytes % 1000))" 0
	is 'its rule' "$(top service=udp/50010 rule=cameras-send-rtp | cut -d' ' -f2)" 1000
	is 'who sent it' "$(top service=udp/50010 "from=${IP4[axis]}" "to=${IP4[vms]}" | cut -d' ' -f2)" 1000
	rtp 50011 1000 6
	counted 'IPv6' '1 1000' service=udp/50011 "to=${IP6[vms]}"
	is 'IPv6: its bytes' "$(bytes_of service=udp/50011)" $((bytes + 20 * 1000))
	rtp 50012 2000 4 --flows 1000
	counted 'a thousand flows' '1000 2000' service=udp/50012
	is 'and their bytes' "$(bytes_of service=udp/50012)" $((bytes * 2))
	truth 'an opened connection' in_ns vms "$NETPROBE" connect "${IP4[axis]}" 443
	site_wait 'the connection in the account' is_opened
	truth 'who was opened to, and by which rule' is_opened
}

living() {
	in_ns fw sysctl -qw net.netfilter.nf_conntrack_udp_timeout=120
	SPORT_AT=40001
	rtp 50020 300
	counted 'a flow that lives' '1 300' service=udp/50020
	rtp 50020 200
	counted 'and goes on' '1 500' service=udp/50020
	site_daemon_stop
	rtp 50020 100		# nobody counts
	truth 'the daemon starts again' site_daemon_start
	rtp 50020 50
	counted 'after a restart nothing is counted twice' '1 550' service=udp/50020
	in_ns fw sysctl -qw net.netfilter.nf_conntrack_udp_timeout=2
	rtp 50020 5
	sleep 4
	in_ns fw cat /proc/net/nf_conntrack >/dev/null 2>&1	# the kernel's own collector may take its time
	counted 'and its end tells what is left' '1 555' service=udp/50020
	SPORT_AT=
}

translated() {
	in_ns fw nft -f - <<-NFT
		table ip nat {
			chain pre { type nat hook prerouting priority -100; udp dport 50030 dnat to ${IP4[vms]}; }
			chain post { type nat hook postrouting priority 100; udp dport 50030 masquerade; }
		}
	NFT
	TO=${GATE4[cam0]%/*} rtp 50030 100
	counted 'behind NAT both ways: who it was' '1 100' service=udp/50030 "from=${IP4[axis]}" "to=${IP4[vms]}" rule=cameras-send-rtp
	in_ns fw nft delete table ip nat
}

play() { # N: connections by the exception
	local i
	for ((i = 0; i < $1; i++)); do in_ns desk "$NETPROBE" connect "${IP4[rrec]}" 8000 >/dev/null || return 1; done
}
uses() { events_since "$1" exception_used | grep -o '"packets":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'; } # SEQ
used() { sleep 1; [ "$(uses "$1")" = "$2" ]; } # SEQ N

# Decided by the kernel alone: its counters tell, also of what passed while no daemon ran.
exceptions() {
	local seq
	seq=$(last_seq)
	truth 'connections by an exception' play 5
	site_wait 'the exception to be told' used "$seq" 5
	is 'their number is told' "$(uses "$seq")" 5
	site_daemon_stop
	truth 'and by the kernel alone' play 3
	truth 'the daemon starts again' site_daemon_start
	site_wait 'the rest to be told' used "$seq" 8
	is 'those that nobody saw are told, none twice' "$(uses "$seq")" 8
	truth 'the status says so too' [ "$(ringfence status --json | grep -o '"desk-playback","flows_by_kernel":[0-9]*')" = \
		'"desk-playback","flows_by_kernel":8' ]
}

site_up 41-allowed
site_servers
policy_write +devices '- { name: door, macs: ["ac:cc:8e:00:30:01"], addresses: [10.20.0.13, "fd00:20::13"], maker: axis }'
truth 'the daemon starts' site_daemon_start
is 'it has the kernel count bytes' "$(in_ns fw cat /proc/sys/net/netfilter/nf_conntrack_acct)" 1
SITE_WAIT=$((SITE_WAIT + 60))
in_ns fw sysctl -qw net.netfilter.nf_conntrack_udp_timeout=2
site_learn axis vms udp 50001
ending
living
translated
exceptions
is 'by device: what it sent' "$(ringfence top --by device --json | python3 "$SITE_HERE/top.py" device=door | cut -d' ' -f2)" \
	"$(($(top rule=cameras-send-rtp | cut -d' ' -f2) + $(top rule=vms-pulls | cut -d' ' -f4)))"
is 'no end was lost' "$(status_word ends_lost)" 0
truth 'for people' ringfence top
ringfence status | sed 's/^/# /'
site_done
