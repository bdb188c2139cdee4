#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# More attacks, each with packet counts and a control run: those on the link behind the table (10), around
# it (13, 18, 19, 33), between guarded interfaces and from the core (20, 29), on what is not Ethernet or
# not to one (28, 31), and by changes of mode, version and load (27, 30, 32).  R is a restricted camera, A
# a permitted one; 20-attacks.sh has the others, by the same numbers.  ATTACKS='13 20': only these.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/attacks.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
HERE=$(dirname "$0")

note_seq() { SEQ=$(last_seq); }

# ---- 10: R answers for A's addresses ----

neighbour_is() { # HOST's MAC stands behind A's addresses
	in_ns fw ip neigh show dev "$CAM0" >"$SITE_DIR/neigh"
	grep -q "^${IP4[axis]} lladdr ${MAC[$1]}" "$SITE_DIR/neigh" && grep -q "^${IP6[axis]} lladdr ${MAC[$1]}" "$SITE_DIR/neigh"
}

forge_start() {
	in_ns_bg hik "$SITE_DIR/forge4" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" \
		--dst "${GATE4[cam0]%/*}" --proto arp-reply --count 1000000 --rate 200
	FORGERS=$SITE_LAST
	in_ns_bg hik "$SITE_DIR/forge6" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP6[axis]}" \
		--dst "${GATE6[cam0]%/*}" --proto na --ttl 255 --count 1000000 --rate 200
	FORGERS+=" $SITE_LAST"
	site_wait 'the firewall to believe it' neighbour_is hik
}

forge_stop() {
	for pid in $FORGERS; do site_kill "$pid"; done
	FORGERS=
}

neighbour_fix() { # HOST: its MAC stands behind A's addresses for good
	in_ns fw ip neigh replace "${IP4[axis]}" lladdr "${MAC[$1]}" dev "$CAM0" nud permanent &&
		in_ns fw ip neigh replace "${IP6[axis]}" lladdr "${MAC[$1]}" dev "$CAM0" nud permanent
}

neighbour_free() {
	in_ns fw ip neigh del "${IP4[axis]}" dev "$CAM0"
	in_ns fw ip neigh del "${IP6[axis]}" dev "$CAM0"
}

# Packets of events since SEQ that the fence made, and what the kernel counted, from the account.
fence_events() {
	events_since "$SEQ" "$1" 2>/dev/null | grep '"ruleset":"fence"' |
		sed -nE 's/.*"network":\{[^}]*"packets":([0-9]+).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'
}
fence_kernel() { ringfence status --json | grep -o '"name":"fence","kernel":[0-9]*' | grep -o '[0-9]*$'; }
fence_told() { [ "$(fence_events spoof_suspected)" = "$(($(fence_kernel) - FENCE_BEFORE))" ]; }
fence_note() {
	note_seq
	FENCE_BEFORE=$(fence_kernel)
}

attack_10() {
	probe pass '10: a flow of the VMS to A' vms axis udp 4000 sport=5010 n=10
	barrier
	step enforced '10: what was told before' fence_note
	step both '10: R answers for the addresses of A' forge_start
	probe drop '10: the established flow does not reach R' vms axis udp 4000 sport=5010 n=20 at=hik arrive=some
	barrier
	step both '10: R is silent again' forge_stop
	step both '10: and has the addresses for good' neighbour_fix hik
	probe drop '10: 20 of 20 packets of the fast path do not reach R' vms axis udp 4000 sport=5010 n=20 at=hik
	probe drop '10: nor do new ones' vms axis tcp-syn 554 n=5 at=hik
	barrier
	step both "10: or everybody's MAC has them" neighbour_fix everybody
	probe drop '10: nobody gets what is for A alone' vms axis udp 4000 sport=5010 n=20 at=hik
	barrier
	step both '10: A has its addresses again' neighbour_free
	probe pass '10: the flow goes on' vms axis udp 4000 sport=5010 n=20
	barrier
	step enforced '10: the events tell as many as the fence dropped' site_wait 'the events' fence_told
	call enforced at_least '10: which are the 90 and some' '$(($(fence_kernel) - FENCE_BEFORE))' 90
}

at_least() { # NAME WORDS NUMBER
	local n
	eval "n=$2"
	is "$1 ($n)" "$((n >= $3))" 1
}

# ---- 13, 18, 19, 33: around the forward hook ----

foreign() { # CHAIN HOOK RULE: in table inet foreign
	in_ns fw nft -f - <<-NFT
		table inet foreign {
		 chain $1 { type filter hook $2;
		  $3
		 }
		}
	NFT
}
foreign_gone() { in_ns fw nft delete table inet foreign; }
told_since() { told_soon "$SEQ" "$@"; }

offload() {
	in_ns fw nft -f - <<-NFT
		table inet foreign {
		 flowtable fast { hook ingress priority 0
		  devices = { $CAM0, core0 }
		 }
		 chain c { type filter hook forward priority 0;
		  udp dport 50133 flow add @fast
		 }
		}
	NFT
}

attack_13() {
	step enforced '13: what was told before' note_seq
	step both '13: others take packets from conntrack' foreign raw 'prerouting priority -300' 'udp dport 50131 notrack'
	probe drop '13: R does not pass for it' hik vms udp 50131 n=20
	probe drop '13: nor with the address of A' hik vms udp 50131 src=axis smac=hik n=20
	probe pass '13: A passes all the same' axis vms udp 50131 n=20
	barrier
	step enforced '13: it is told' told_since bypass_possible notrack
	step both '13: no more' foreign_gone
	if in_ns sw nft -c 'add table inet t; add chain inet t c; add rule inet t c queue num 77' 2>/dev/null; then
		step both '13: others have a queue before ours' foreign early 'forward priority -20' 'udp dport 50132 queue num 77 bypass'
		probe drop '13: R does not pass for it' hik vms udp 50132 n=20
		probe pass '13: A passes all the same' axis vms udp 50132 n=20
		barrier
		step enforced '13: it is told' told_since bypass_possible queue
		step both '13: no more' foreign_gone
	else
		call enforced skip '13: a queue of others' 'nft has no queue statement here'
	fi
	if in_ns sw nft -c 'add table inet t; add flowtable inet t f { hook ingress priority 0; devices = { lo }; }' 2>/dev/null; then
		step both '13: a flow of A is offloaded by others' offload
		probe pass '13: it passes' axis vms udp 50133 sport=7133 n=20
		probe drop '13: R does not ride on it' hik vms udp 50134 n=20
		barrier
		step enforced '13: it is told' told_since bypass_possible flowtable
		step both '13: no more' foreign_gone
	else
		call enforced skip '13: a flow that others offload' 'this kernel has no flowtables'
	fi
}

# What runs before any hook of the table.
xdp() { python3 "$HERE/wires.py" xdp "/run/netns/$(site_ns fw)" "$CAM0" "$1"; }
filter_on() { in_ns fw tc qdisc add dev "$CAM0" clsact; } # where filters are put: seen whether there are any yet or not
filter_off() { in_ns fw tc qdisc del dev "$CAM0" clsact; }
no_bypass() { ! ringfence status --json | grep -q "interface $CAM0 has"; }

attack_13_before() {
	step enforced '13: what was told before' note_seq
	if xdp on 2>"$SITE_DIR/xdp" && xdp off; then
		step both '13: an XDP program on the camera interface' xdp on
		probe pass '13: A passes all the same' axis vms udp 50137 n=20
		probe drop '13: R does not pass' hik vms udp 50137 n=20
		barrier
		step enforced '13: it is told' told_since bypass_possible 'XDP'
		step both '13: no more' xdp off
		step enforced '13: nor in the status' site_wait 'the status' no_bypass
	else
		call enforced skip '13: an XDP program' "$(tail -n 1 "$SITE_DIR/xdp")"
	fi
	if filter_on 2>"$SITE_DIR/tc"; then
		filter_off
		step both '13: a place for tc filters on the way in' filter_on
		probe drop '13: R does not pass' hik vms udp 50138 n=20
		barrier
		step enforced '13: it is told' told_since bypass_possible 'tc ingress'
		step both '13: no more' filter_off
		step enforced '13: nor in the status' site_wait 'the status' no_bypass
	else
		call enforced skip '13: a tc filter' "$(tail -n 1 "$SITE_DIR/tc")"
	fi
	a_passes '13: A passes when all is as it was'
}

# Frames that a bridge leads past it.
bridge_on() {
	in_ns fw ip link add br9 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
		in_ns fw ip link set "$CAM0" master br9 && in_ns fw ip link set core0 master br9 && in_ns fw ip link set br9 up
}
bridge_off() {
	in_ns fw ip link del br9
	in_ns fw ip addr flush dev "$CAM0" scope global && in_ns fw ip addr flush dev core0 scope global
	local s
	for s in cam0 core; do
		in_ns fw ip addr add "${GATE4[$s]}" dev "${GATE_IF[$s]}"
		in_ns fw ip addr add "${GATE6[$s]}" dev "${GATE_IF[$s]}" nodad
	done
}

port_shut() { # its chain is there, and lets no IP in
	in_ns fw nft list chain netdev ringfence "from-$CAM0" >"$SITE_DIR/port" 2>/dev/null && grep -q odd-drop "$SITE_DIR/port" &&
		! grep -q 'protocol ip' "$SITE_DIR/port"
}

attack_13_frames() {
	step both '13: both sides are put into one bridge' bridge_on
	step enforced '13: the fences see it' site_wait 'the port to be shut' port_shut
	probe drop '13: R does not cross it' hik vms udp 50135 dmac="${MAC[vms]}" n=20
	probe drop '13: nor does the VMS, towards R' vms hik udp 50136 dmac="${MAC[hik]}" n=20
	probe drop '13: PPPoE does not cross it' hik vms ether fam=4 --number 0x8864 dmac="${MAC[vms]}" n=10
	probe drop '13: nor does MPLS' hik vms ether fam=4 --number 0x8847 dmac="${MAC[vms]}" n=10
	barrier
	step both '13: they are apart again' bridge_off
	a_passes '13: A passes when all is as it was'
}

# ---- 18: a guarded bridge whose own frames are sent through forward ----

guarded_bridge() {
	in_ns fw sh -c 'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables'
	in_ns fw ip link add br8 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
		in_ns fw ip link set "$CAM0" master br8 && in_ns fw ip link set "$CAM1" master br8 && in_ns fw ip link set br8 up
}
guarded_bridge_off() {
	in_ns fw ip link del br8
	in_ns fw ip addr flush dev "$CAM0" scope global && in_ns fw ip addr flush dev "$CAM1" scope global
	local s
	for s in cam0 cam1; do
		in_ns fw ip addr add "${GATE4[$s]}" dev "${GATE_IF[$s]}"
		in_ns fw ip addr add "${GATE6[$s]}" dev "${GATE_IF[$s]}" nodad
	done
}
call_tables() { in_ns fw sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'; }

attack_18() {
	if ! in_ns fw test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
		call enforced skip '18: bridged frames sent through forward' 'this kernel has no br_netfilter'
		return
	fi
	step both '18: a bridge of both camera interfaces' guarded_bridge
	step enforced '18: which is guarded' reload -cctv +zones \
		'cctv: { interfaces: [br8], networks: [10.20.0.0/16, "fd00:20::/64"], guarded: true }'
	step enforced '18: what was told before' note_seq
	probe pass '18: its own frames are none of our business' axis axis2 udp 50180 dmac="${MAC[axis2]}" n=5
	barrier
	step enforced '18: br_netfilter sends them to us' call_tables
	step enforced '18: status says which sysctl to set' site_wait 'the status' bridge_told
	step both '18: no bridge' guarded_bridge_off
	step enforced '18: the policy as before' reload "${ATTACK_RULES[@]}"
	a_passes '18: A passes'
}
bridge_told() { ringfence status --json | grep -q 'bridge-nf-call-iptables=0'; }

attack_19() {
	step enforced '19: what was told before' note_seq
	step both '19: others save the packet mark in the ct mark' foreign late 'postrouting priority 0' 'ct mark set meta mark'
	probe pass '19: a flow of A passes' axis vms udp 50190 sport=7190 n=50
	barrier
	probe pass '19: and goes on' axis vms udp 50190 sport=7190 n=150
	probe drop '19: R does not ride on it' hik vms udp 50190 sport=7190 src=axis smac=hik n=50
	probe drop '19: nor alone' hik desk udp 53 n=20
	barrier
	step enforced '19: it is told' told_since bypass_possible 'ct mark set'
	step both '19: no more' foreign_gone
}

attack_33() {
	step enforced '33: what was told before' note_seq
	step both '33: others put the cameras into a conntrack zone' foreign zones 'prerouting priority -300' \
		"iifname \"$CAM0\" ct zone set 7"
	probe drop '33: R does not pass for it' hik vms udp 50330 n=20
	probe drop '33: nor does an answer that nobody asked for' axis vms udp 5033 sport=4000 n=20
	barrier
	step enforced '33: it is told' told_since bypass_possible 'ct zone set'
	step both '33: no more' foreign_gone
	a_passes '33: A passes'
}

# ---- 20: both ends are guarded ----

# The camera interfaces are zones of their own.
ZONE_RULES=(-cctv +zones "depot: { interfaces: [$CAM1], networks: [10.20.1.0/24, \"fd00:20:0:0:1::/80\"], guarded: true }"
	+zones "cctv: { interfaces: [$CAM0], networks: [10.20.0.0/24, \"fd00:20::/80\"], guarded: true }"
	+rules '- { id: depot-sends-rtp, from: depot, to: recorders, services: [rtp], action: allow }'
	+rules '- { id: pulls-from-depot, from: recorders, to: depot, services: [video], action: allow }')

attack_20() {
	step enforced '20: two guarded zones' reload "${ATTACK_RULES[@]}" "${ZONE_RULES[@]}"
	probe pass '20: a camera to the recorder of another guarded zone' axis2 prec udp 50200 sport=7200 n=20
	barrier
	probe pass '20: the flow goes on' axis2 prec udp 50200 sport=7200 n=50
	probe pass '20: the recorder pulls from there' prec axis2 tcp-syn 443 n=1
	probe drop '20: a restricted recorder is not sent to' axis rrec udp 50201 n=20
	probe drop '20: nor sends' rrec prec udp 50202 n=20
	probe drop '20: nor rides on the flow' rrec prec udp 50200 sport=7200 src=axis2 smac=rrec n=50
	probe drop '20: R does not reach a camera of another zone' hik axis2 tcp-syn 443 n=20
	probe drop '20: nor is it reached from there' axis2 hik udp 50203 n=20
	barrier
	step enforced '20: the policy as before' reload "${ATTACK_RULES[@]}"
}

# ---- 21: the VMS pulls video over UDP ----

rtp_warned() {
	policy_write +rules '- { id: wrong-way, from: vms, to: cctv, services: [rtp], action: allow }'
	ringfence check -p "$SITE_DIR/policy.yaml" >"$SITE_DIR/check" 2>&1
	grep -q 'wrong-way' "$SITE_DIR/check" && grep -qi 'media' "$SITE_DIR/check" || { cat "$SITE_DIR/check"; return 1; }
}

attack_21() {
	probe pass '21: media is opened by the camera, and permitted so' axis vms udp 50210 n=20
	step enforced '21: check warns of a rule that would permit it the other way' rtp_warned
	step enforced '21: the policy as before' reload "${ATTACK_RULES[@]}"
	barrier
}

# ---- 23: what the firewall itself is told, DHCP ----

LINK_LOCAL=fe80::99 SERVERS=ff02::1:2 SERVERS_MAC=33:33:00:01:00:02
link_local() {
	local h
	in_ns fw ip addr add $LINK_LOCAL/64 dev "$CAM0" nodad && in_ns fw ip addr add $SERVERS/128 dev "$CAM0" autojoin || return 1
	for h in hik axis; do in_ns $h ip addr add "${IP6[link-$h]}/64" dev eth0 nodad || return 1; done
	in_ns fw ip neigh replace "${IP6[link-new]}" lladdr "${MAC[hik]}" dev "$CAM0" nud permanent
}
DHCP_ZONE=(-cctv +zones "cctv: { interfaces: [$CAM0, $CAM1], networks: [10.20.0.0/16, \"fd00:20::/64\"], guarded: true, dhcp: true }")

asks_dhcp() { # EXPECT NAME HOST [WORD]...: at the firewall, by both ways that a client may take
	probe "$1" "23: $2" "$3" fw udp 547 fam=6 sport=546 src="link-$3" dst=$SERVERS dmac=$SERVERS_MAC n=5 "${@:4}"
	probe "$1" "23: $2, to the firewall alone" "$3" fw udp 547 fam=6 sport=546 src="link-$3" dst=$LINK_LOCAL n=5 "${@:4}"
	probe "$1" "23: $2, IPv4" "$3" fw udp 67 fam=4 sport=68 src=none dst=255.255.255.255 dmac=ff:ff:ff:ff:ff:ff n=5
}

attack_23() {
	step control '23: link-local addresses' link_local
	asks_dhcp drop 'nobody asks for an address where the zone does not say so' hik
	barrier
	step enforced '23: the zone says so' reload "${ATTACK_RULES[@]}" "${DHCP_ZONE[@]}"
	asks_dhcp pass 'R asks for an address' hik
	asks_dhcp pass 'so does A' axis
	barrier
	probe pass '23: and is answered' hik fw udp 547 fam=6 sport=546 src=link-hik dst=$SERVERS dmac=$SERVERS_MAC n=5 at=hik
	probe pass '23: at an address that it could not prove yet, too' hik fw udp 547 fam=6 sport=546 src=link-new dst=$SERVERS \
		dmac=$SERVERS_MAC n=5 at=hik
	probe drop '23: not from a routable address' hik fw udp 547 fam=6 sport=546 dst=$SERVERS dmac=$SERVERS_MAC n=5
	probe drop '23: nor to one' hik fw udp 547 fam=6 sport=546 src=link-hik n=5
	probe drop '23: nor from another port' hik fw udp 547 fam=6 sport=5460 src=link-hik dst=$SERVERS dmac=$SERVERS_MAC n=5
	probe drop '23: nor to another' hik fw udp 123 fam=6 sport=546 src=link-hik dst=$LINK_LOCAL n=5
	probe drop '23: nor through the firewall' hik desk udp 547 fam=6 sport=546 n=5
	probe drop '23: nor as a relay' desk hik udp 546 fam=6 sport=547 n=5
	barrier
	step enforced '23: the policy as before' reload "${ATTACK_RULES[@]}"
}

# ---- 27: a newer version takes over the table of an older one ----

handles() { in_ns fw nft -a list table inet ringfence 2>/dev/null | grep -E -A1 '^\s*chain (forward|input|output)' | grep -E 'handle|hook' | cksum; }

# The table as an older layout would have left it: another note, chains, maps and a stage that we do not have.
table_of_old() {
	local at
	site_daemon_kill
	at=$(in_ns fw nft -a list chain inet ringfence about | sed -nE 's/.*return comment.*# handle ([0-9]+)$/\1/p')
	in_ns fw nft -f - <<-NFT || return 1
		replace rule inet ringfence about handle $at return comment "ringfence layout 0 generation 9 page a digest $(printf 'ab%.0s' {1..32})"
		add map inet ringfence old-what { type inet_proto . inet_service : verdict; }
		add chain inet ringfence old-stage
		add rule inet ringfence old-stage udp dport 50270 drop
		add chain inet ringfence old-base { type filter hook forward priority -5; policy accept; }
		add rule inet ringfence old-base jump old-stage
		add element inet ringfence old-what { tcp . 9 : jump old-stage }
	NFT
	HANDLES=$(handles)
}

taken_over() {
	[ "$(handles)" = "$HANDLES" ] || { echo 'the base chains are others'; return 1; }
	in_ns fw nft list table inet ringfence >"$SITE_DIR/table" 2>/dev/null
	! grep -E 'old-what|old-stage' "$SITE_DIR/table"
}

# A flow that goes on while it happens, by count.
upgrade() {
	local token sent out=$SITE_DIR/upgrade.sent
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns_bg axis "$out" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --sport 7270 --dport 50271 --count 600 --rate 200 --token "$token"
	local pid=$SITE_LAST
	site_daemon_start || return 1
	wait "$pid"
	sent=$(sed -n 's/^sent //p' "$out")
	site_settle "vms.$token"
	echo "sent $sent, arrived ${COUNTED[vms.$token]:-0}"
	[ "${COUNTED[vms.$token]:-0}" = 600 ]
}

attack_27() {
	probe pass '27: a live flow' axis vms udp 50271 sport=7270 fam=4 n=10
	barrier
	step enforced '27: the table of an older version, and no daemon' table_of_old
	step enforced '27: the new one takes over and the flow loses nothing' upgrade
	step enforced '27: base chains are the same, what it does not know is gone' taken_over
	step enforced '27: and what is left is as it should be' ringfence verify
	probe pass '27: a stage of the old one drops nothing' axis vms udp 50270 n=20
	probe drop '27: R does not pass' hik desk udp 53 n=20
	barrier
}

# ---- 28: a guarded interface without Ethernet ----

tun_on() {
	in_ns_bg sw "$SITE_DIR/tun" python3 "$HERE/wires.py" tun "/run/netns/$(site_ns fw)" tun9 "/run/netns/$(site_ns unk)" tun9
	TUN=$SITE_LAST
	site_wait_line "$SITE_DIR/tun" ready || return 1
	in_ns fw sh -c 'ip addr add 10.30.0.1/24 dev tun9; ip link set tun9 up'
	in_ns unk sh -c 'for a in 2 3 4; do ip addr add 10.30.0.$a/24 dev tun9; done; ip link set tun9 up
		ip route add 10.1.0.0/16 dev tun9; ip rule add from 10.30.0.0/24 table 9; ip route add default dev tun9 table 9'
}

tun_off() {
	site_kill "$TUN"
	in_ns unk sh -c 'ip rule del table 9; ip route del 10.1.0.0/16 2>/dev/null; true'
}

TUN_RULES=(+zones 'far: { interfaces: [tun9], networks: [10.30.0.0/24], guarded: true, routed: true }'
	+devices '- { name: far-axis, addresses: [10.30.0.2], maker: axis }'
	+devices '- { name: far-hik, addresses: [10.30.0.3], maker: hikvision }'
	+rules '- { id: far-clock, from: far, to: clock, services: [udp/123], action: allow }')

attack_28() {
	step both '28: cameras behind a tunnel' tun_on
	step enforced '28: and in the policy' reload "${ATTACK_RULES[@]}" "${TUN_RULES[@]}"
	probe pass '28: a permitted one passes' unk clock udp 123 fam=4 ip=1 src=far1 sport=7280 n=20
	barrier
	probe pass '28: and goes on' unk clock udp 123 fam=4 ip=1 src=far1 sport=7280 n=50
	probe drop '28: not where it may not' unk desk udp 53 fam=4 ip=1 src=far1 n=20
	probe drop '28: a restricted one does not' unk clock udp 123 fam=4 ip=1 src=far2 n=20
	probe pass '28: a flow of the VMS to A' vms axis udp 4000 sport=7281 fam=4 n=5
	barrier
	probe pass '28: the permitted one tells an error of its flow' unk clock icmp-error fam=4 ip=1 src=far1 n=5 \
		--inner-src "${IP4[clock]}" --inner-dst "${IP4[far1]}" --inner-sport 123 --inner-dport 7280
	for h in far2 far3; do
		probe drop "28: $h, restricted or unknown, tells none of another's" unk vms icmp-error fam=4 ip=1 src=$h n=10 \
			--inner-src "${IP4[vms]}" --inner-dst "${IP4[axis]}" --inner-sport 7281 --inner-dport 4000
	done
	barrier
	step enforced '28: the policy as before' reload "${ATTACK_RULES[@]}"
	step both '28: no tunnel' tun_off
}

# ---- 29: sources that belong elsewhere ----

attack_29() {
	probe drop "29: the core uses the recorder's address towards a camera" desk axis2 tcp-syn 443 src=prec smac=desk n=20
	probe drop "29: and a camera's towards the recorder" desk prec udp 50290 src=axis2 smac=desk n=20
	probe drop "29: a camera uses the VMS's address towards another" hik axis2 tcp-syn 443 src=vms smac=hik n=20
	barrier
}

# ---- 30: what was stamped while only observed ----

note_generation() { GENERATION=$(status_word generation) && [ "$GENERATION" ]; }
other_generation() {
	local before=$GENERATION
	note_generation && [ "$GENERATION" != "$before" ]
}

attack_30() {
	step enforced '30: the generation' note_generation
	step enforced '30: the site only observes' reload "${ATTACK_RULES[@]}" mode=observe
	step enforced '30: which is another generation' other_generation
	call enforced observed_passes hik
	call enforced observed_passes axis
	step enforced '30: the site enforces' reload "${ATTACK_RULES[@]}"
	step enforced '30: which is another one again: no stamp of the former holds' other_generation
	probe drop '30: the flow that passed while observed is over' hik desk udp 53 sport=7300 n=50
	probe drop '30: and of a device that has permitted flows, too' axis desk udp 53 sport=7300 n=50
	barrier
}

observed_passes() { # HOST: whatever is denied passes, and is stamped as seen
	local token n
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[$1]}" --dst "${IP4[desk]}" --proto udp \
		--sport 7300 --dport 53 --count 20 --rate 500 --token "$token" >/dev/null
	site_settle "desk.$token"
	n=${COUNTED[desk.$token]:-0}
	is "30: all of a denied flow of $1 passes" "$n" 20
}

# ---- 31: routed multicast ----

mroute_on() { # HOST that sends
	in_ns_bg fw "$SITE_DIR/mroute" python3 "$HERE/wires.py" mroute "/run/netns/$(site_ns fw)" "$CAM0" core0 239.9.9.9 "${IP4[$1]}"
	MROUTE=$SITE_LAST
	site_wait_line "$SITE_DIR/mroute" ready
}

mroute_off() { site_kill "$MROUTE"; }

attack_31() {
	step both '31: the firewall routes multicast of R' mroute_on hik
	probe drop '31: it does not reach the core' hik desk udp 5310 fam=4 dst=239.9.9.9 dmac=01:00:5e:09:09:09 n=20 --ttl 8
	barrier
	step both '31: it does not any more' mroute_off
	step both '31: the firewall routes multicast of A' mroute_on axis
	probe drop '31: what no rule permits does not pass' axis desk udp 5311 fam=4 dst=239.9.9.9 dmac=01:00:5e:09:09:09 n=20 --ttl 8
	barrier
	step both '31: it does not any more' mroute_off
}

# ---- 34: a route leads to the zone's own addresses by another way ----

astray_on() { # one camera interface is down, and there is a default route
	in_ns fw ip link set "$CAM1" down && in_ns fw ip route add default via "${IP4[out]}" &&
		in_ns fw ip neigh replace "${IP4[out]}" lladdr "${MAC[out]}" dev out0 nud permanent
}
astray_off() {
	in_ns fw ip neigh del "${IP4[out]}" dev out0
	in_ns fw ip route del default && in_ns fw ip link set "$CAM1" up && in_ns fw ip addr add "${GATE6[cam1]}" dev "$CAM1" nodad
}

attack_34() {
	call enforced site_learn hik prec udp 50000
	probe pass '34: R sends to the recorder of its zone' hik rrec udp 50340 fam=4 sport=7340 n=5
	probe pass '34: and A does' axis rrec udp 50340 fam=4 sport=7341 n=5
	barrier
	step enforced '34: the generation' note_generation
	step both '34: whose interface is down, and others have a default route' astray_on
	step enforced '34: all flows are judged once more' other_generation
	probe drop '34: what R was allowed does not go out instead' hik rrec udp 50340 fam=4 sport=7340 n=20 at=out
	probe drop '34: nor what A was' axis rrec udp 50340 fam=4 sport=7341 n=20 at=out
	probe drop '34: R does not go out instead' hik rrec udp 50341 fam=4 n=20 at=out
	probe drop '34: nor A' axis rrec udp 50341 fam=4 n=20 at=out
	probe drop '34: nor the VMS, to a camera' vms axis2 tcp-syn 443 fam=4 n=5 at=out
	barrier
	step both '34: the interface is up' astray_off
	a_passes '34: A passes'
}

# ---- 32: conntrack as a target ----

# A, permitted, opens flow after flow at full speed; meanwhile 200 new flows each of a camera beside it and of one elsewhere.
attack_32() {
	local token flood=$SITE_DIR/flood pid sent before=0 name="$SITE_PHASE: 32"
	printf -v token %08x%08x $SRANDOM $SRANDOM
	[ "$SITE_PHASE" = control ] || before=$(asked)
	in_ns_bg axis "$flood" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --sport 1024 --flows 60000 --dport 50320 --count 100000000 --rate 20000
	pid=$SITE_LAST
	opens_flows axis2 "$token" >/dev/null &
	sent=$(opens_flows prec "$token")
	wait $!
	site_kill "$pid"
	sent+=", flood $(sed -n 's/^sent //p' "$flood")"
	site_settle "vms.$token"
	is "$name: 400 new flows of other cameras beside a flood of permitted ones ($sent)" "${COUNTED[vms.$token]:-0}" 400
	COUNTED[vms.overruns]=0
	[ "$SITE_PHASE" = control ] || truth "$name: which is no question to anybody" [ $(($(asked) - before)) -lt 100 ]
}

opens_flows() { # HOST TOKEN
	in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[${SEG[$1]}]}" --src "${IP4[$1]}" --dst "${IP4[vms]}" \
		--proto udp --sport 20000 --dport 50321 --flows 200 --count 200 --rate 100 --token "$2"
}

conntrack_told() {
	ringfence status --json >"$SITE_DIR/status"
	grep -q '"conntrack":{.*"max":[1-9].*"insert_failed":.*"early_drop":' <(tr -d ' \n' <"$SITE_DIR/status")
}

ATTACK_RULES=(+rules '- { id: vms-to-4000, from: vms, to: cctv, services: [udp/4000], action: allow }')
IP4[far1]=10.30.0.2 IP4[far2]=10.30.0.3 IP4[far3]=10.30.0.4 IP4[none]=0.0.0.0
IP6[link-hik]=fe80::11 IP6[link-axis]=fe80::13 IP6[link-new]=fe80::12
MAC[everybody]=ff:ff:ff:ff:ff:ff
both_32() {
	call both attack_32
	step enforced "32: conntrack's own state is told" conntrack_told
}

site_up 21-attacks-more
for a in ${ATTACKS:-10 13 13_frames 13_before 18 19 33 20 21 23 27 28 29 30 31 34}; do "attack_$a"; done
[ -n "${ATTACKS:-}" ] || both_32

attacks_run udp:547
