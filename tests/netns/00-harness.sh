#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The harness itself, with a hand-written table in the place of the daemon: every shape of packet that
# the scenarios use arrives when nothing is in the way, none does when the table drops it, counts are
# exact, checksums are right, and a flood is as fast as the tests need it.
. "$(dirname "$0")/probe.sh" || exit 2

# Everything a restricted camera can think of: all of it arrives in the control run.
probe pass 'permitted camera to the VMS' axis vms udp 50000 n=10
probe drop 'restricted camera to a desk, TCP' hik desk tcp-syn 445
probe drop 'restricted camera to a desk, UDP' hik desk udp 53 n=100
probe drop 'an ACK out of nothing' hik desk tcp-ack 445
probe drop 'ping' hik desk icmp-echo
probe drop 'an ICMP error' hik desk icmp-error
probe drop 'SCTP' hik desk sctp 9
probe drop 'GRE' hik desk gre 9
probe drop 'IPIP' hik desk ipip 9 fam=4
probe drop '6in4' hik desk 6in4 9 fam=4 --inner-src fd00:20::11 --inner-dst fd00:1::7:9
probe drop 'an unheard-of protocol' hik desk raw --number 253
probe drop 'record route' hik desk udp 9 fam=4 --record-route
probe drop 'hop-by-hop' hik desk udp 9 fam=6 --ext h
probe drop 'destination options' hik desk udp 9 fam=6 --ext d
probe drop 'routing header' hik desk udp 9 fam=6 --ext r
probe drop 'atomic fragment' hik desk udp 9 fam=6 --ext f
probe drop 'first fragment' hik desk udp 9 --frag first --size 600
probe drop 'later fragment' hik desk udp 9 --frag later --size 600
probe drop 'two fragments' hik desk udp 9 --frag pair --size 600 arrive=some
probe drop 'tiny fragments' hik desk udp 9 --frag tiny --size 600 arrive=some
probe drop 'overlapping fragments' hik desk udp 9 --frag overlap --size 600 arrive=some
probe drop 'forged MAC' hik desk udp 9 smac=axis src=hik
probe drop 'restricted camera to the firewall' hik fw tcp-syn 22
probe drop 'the firewall to a restricted camera' fw hik udp 9
probe drop 'the outside to a restricted camera' out hik tcp-syn 80
check pass 'the VMS pulls video' in_ns vms "$NETPROBE" rtsp-pull 10.20.0.13 1554 --packets 20
check drop 'the restricted camera connects' in_ns hik "$NETPROBE" connect 10.1.7.9 445 --timeout-ms 1500
check pass 'the permitted camera connects' in_ns axis "$NETPROBE" connect fd00:1::7:9 445

table() {
	in_ns fw nft -f - <<-NFT
		table inet ringfence {
		 chain forward { type filter hook forward priority -12;
		  ip saddr ${IP4[hik]} drop
		  ip daddr ${IP4[hik]} drop
		  ip6 saddr ${IP6[hik]} drop
		  ip6 daddr ${IP6[hik]} drop
		 }
		 chain input { type filter hook input priority -12;
		  ip saddr ${IP4[hik]} drop
		  ip6 saddr ${IP6[hik]} meta l4proto != ipv6-icmp drop
		 }
		 chain output { type filter hook output priority -12;
		  ip daddr ${IP4[hik]} drop
		  ip6 daddr ${IP6[hik]} meta l4proto != ipv6-icmp drop
		 }
		}
	NFT
}

checksums() {
	local token
	in_ns_bg desk "$SITE_DIR/dump" tcpdump -i eth0 -Q in -nn -vv --immediate-mode -l 'udp or tcp or icmp or icmp6 or sctp'
	site_wait_line "$SITE_DIR/dump" 'listening on' || return 1
	ITEMS=()
	for proto in udp tcp-syn icmp-echo icmp-error sctp; do
		probe pass "checksum of $proto" hik desk $proto 4999
	done
	site_run control
	site_kill "$SITE_LAST"
	is 'tcpdump saw the packets' "$(($(grep -c '10.20.0.11' "$SITE_DIR/dump") > 14))" 1
	is 'and no wrong checksum' "$(grep -ciE 'bad|incorrect|wrong cksum' "$SITE_DIR/dump")" 0
}

flood() {
	local token before sent
	printf -v token %08x%08x $SRANDOM $SRANDOM
	sent=$(in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --sport 10000 --dport 9 --flows 1000 --dflows 10 --count 100000 --token "$token")
	site_settle "vms.$token"
	is '100,000 packets of 10,000 flows, as fast as it goes: none lost' \
		"$sent $((COUNTED[vms.$token] + COUNTED[vms.overruns]))" 'sent 100000 100000'
	printf -v token %08x%08x $SRANDOM $SRANDOM
	sent=$(in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --dport 9 --rate 20000 --seconds 2 --token "$token")
	site_settle "vms.$token"
	is 'at a rate: what was sent arrived' "sent $((COUNTED[vms.$token] + COUNTED[vms.overruns]))" "$sent"
}

stream() { # NAME [OPTION]
	local name=$1 send recv
	shift
	in_ns_bg vms "$SITE_DIR/recv" "$NETPROBE" stream-recv 50001 --seconds 1 "$@"
	recv=$SITE_LAST
	site_wait_line "$SITE_DIR/recv" ready
	send=$(in_ns axis "$NETPROBE" stream-send 10.1.5.10 50001 --rate 2000 --seconds 1 --flows 4 "$@" | sed -n 's/^sent //p')
	site_quiet
	site_kill "$recv"
	is "$name: each packet once, in order" "$(sed -n '/^unique/p;/^reordered/p;/^duplicated/p;/^overruns/p' \
		"$SITE_DIR/recv" | xargs)" "unique $send reordered 0 duplicated 0 overruns 0"
}

site_up 00-harness
site_servers
in_ns_bg axis "$SITE_DIR/camera" "$NETPROBE" rtsp-camera 1554
site_wait_line "$SITE_DIR/camera" ready
site_control
table
site_enforced
site_tables_remove
is 'the table is gone' "$(in_ns fw nft list tables)" ''
checksums
flood
stream 'UDP stream'
stream 'TCP stream' --tcp
site_done
