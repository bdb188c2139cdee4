#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Attacks on the kernel's table, each with packet counts and a control run.  The numbers are those of
# the findings that the table answers to: every one leaked, or lost permitted packets, with an earlier
# table.  R is a restricted camera, A a permitted one.  ATTACKS='3 25': only these.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/attacks.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2

have_module() { modprobe -q "$1" 2>/dev/null || [ -d "/sys/module/$1" ]; }

have_link() { # TYPE...: this kernel can make such a device
	in_ns sw ip link add rf-try "$@" 2>/dev/null && in_ns sw ip link del rf-try
}

# Names, addresses and routes of the first camera interface move to another device and back.
cam0_addresses() { # DEVICE
	in_ns fw ip addr add "${GATE4[cam0]}" dev "$1"
	in_ns fw ip addr add "${GATE6[cam0]}" dev "$1" nodad
}

cam0_rename() { # FROM TO
	in_ns fw ip link set "$1" down && in_ns fw ip link set "$1" name "$2" && in_ns fw ip link set "$2" up || return 1
	in_ns fw ip addr flush dev "$2" scope global && cam0_addresses "$2"
}

cam0_to_bridge() {
	in_ns fw ip addr flush dev "$CAM0" scope global
	in_ns fw ip link add br9 address "${GATE_MAC[cam0]}" type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
		in_ns fw ip link set "$CAM0" master br9 && in_ns fw ip link set br9 up && cam0_addresses br9
}

cam0_to_vrf() {
	in_ns fw ip link add vrf9 type vrf table 9 && in_ns fw ip link set vrf9 up &&
		in_ns fw ip link set "$CAM0" master vrf9 &&
		in_ns fw ip addr replace "${GATE6[cam0]}" dev "$CAM0" nodad &&
		in_ns fw ip route replace 10.1.0.0/16 dev core0 table 9 && in_ns fw ip -6 route replace fd00:1::/64 dev core0 table 9
}

cam0_back() { # DEVICE that stood on it
	in_ns fw ip link del "$1"
	in_ns fw ip addr flush dev "$CAM0" scope global
	cam0_addresses "$CAM0"
}

attack_1() {
	step both '1: the camera interface is renamed' cam0_rename "$CAM0" cctv0
	probe drop '1: R through a renamed interface' hik desk udp 53 n=50
	barrier
	step both '1: its name is back' cam0_rename cctv0 "$CAM0"
	step both '1: it is put into a bridge' cam0_to_bridge
	probe drop '1: R through a bridge' hik desk udp 53 n=50
	barrier
	step both '1: it is taken out again' cam0_back br9
	step both '1: a macvlan on it' in_ns fw sh -c "ip link add link $CAM0 name mv9 address 02:fe:00:00:00:99 type macvlan mode bridge &&
		ip link set mv9 up"
	probe drop '1: R through a macvlan' hik desk udp 53 n=50 dmac=02:fe:00:00:00:99
	barrier
	step both '1: no macvlan' in_ns fw ip link del mv9
	if have_link type vrf table 9; then
		step both '1: a VRF' cam0_to_vrf
		probe drop '1: R through a VRF' hik desk udp 53 n=50
		barrier
		step both '1: no VRF' cam0_back vrf9
	else
		call enforced skip '1: R through a VRF' 'this kernel has no VRF'
	fi
	if have_link link br-cam0 type vlan id 30; then
		step both '1: a VLAN inside the VLAN' in_ns fw sh -c "ip link add link $CAM0 name tag30 type vlan id 30 && ip link set tag30 up"
		probe drop '1: R with double tags' hik desk udp 53 n=50 --vlan 30
		barrier
		step both '1: no VLAN inside' in_ns fw ip link del tag30
	else
		call enforced skip '1: R with double tags' 'this kernel has no 802.1Q devices'
	fi
	a_passes '1: A passes when all is as it was'
}

attack_2() {
	probe drop '2: a rule allows the VMS to all cameras: not to R' vms hik tcp-syn 554 n=20
	probe drop '2: and R does not answer' hik vms tcp-ack 40000 sport=554 n=20
}

attack_3() {
	probe pass '3: a flow is permitted' axis vms udp 5001 sport=7003 n=10
	barrier
	step enforced '3: the policy forbids it' reload -cameras-send-rtp
	probe drop '3: no packet of it passes' axis vms udp 5001 sport=7003 n=10
	barrier
	for f in 4 6; do
		local a=${IP4[axis]} v=${IP4[vms]}
		[ $f = 4 ] || a=${IP6[axis]} v=${IP6[vms]}
		probe drop '3: nor an ICMP error about it' vms axis icmp-error fam=$f --inner-src $a --inner-dst $v \
			--inner-sport 7003 --inner-dport 5001
		probe drop '3: nor one from the camera' axis vms icmp-error fam=$f --inner-src $v --inner-dst $a \
			--inner-sport 5001 --inner-dport 7003
	done
	barrier
	probe drop '3: which does not revive it' axis vms udp 5001 sport=7003 n=50
	barrier
	step enforced '3: the policy as before' reload "${ATTACK_RULES[@]}"
	probe pass '3: it passes again, stamped' axis vms udp 5001 sport=7003 n=10
	barrier
	probe drop '3: an error that quotes another flow carries nothing' vms axis icmp-error fam=4 \
		--inner-src 10.20.0.13 --inner-dst 10.1.7.9 --inner-sport 7003 --inner-dport 445
	barrier
	check pass '3: an exception of a restricted recorder' in_ns desk "$NETPROBE" connect 10.20.1.21 8000 --timeout-ms 5000
	call enforced site_learn hik prec udp 50000
	call enforced site_learn unk prec udp 50000
	errors_about_others
}

# By whoever may say anything inside its own zone only: with whatever behind the header.
errors_about_others() {
	local f h a v
	for f in 4 6; do
		a=${IP4[axis]} v=${IP4[vms]}
		[ $f = 4 ] || a=${IP6[axis]} v=${IP6[vms]}
		probe pass '3: A tells an error about its flow' axis vms icmp-error fam=$f --inner-src $v --inner-dst $a \
			--inner-sport 5001 --inner-dport 7003 n=5
		for h in hik unk rrec; do
			probe drop "3: $h tells one about the flow of A" $h vms icmp-error fam=$f --inner-src $v --inner-dst $a \
				--inner-sport 5001 --inner-dport 7003 n=10
		done
	done
	probe pass '3: what is excepted is opened' desk rrec tcp-syn 8000 fam=4 sport=7030 n=1
	barrier
	probe pass '3: and an error about that is part of it' rrec desk icmp-error fam=4 --inner-proto tcp-syn --inner-src "${IP4[desk]}" \
		--inner-dst "${IP4[rrec]}" --inner-sport 7030 --inner-dport 8000 n=5
	barrier
}

ftp_helper() {
	in_ns fw nft -f - <<-'NFT'
		table inet helper {
		 ct helper ftp { type "ftp" protocol tcp; }
		 chain forward { type filter hook prerouting priority -150;
		  tcp dport 443 ct helper set "ftp"
		 }
		}
	NFT
}

child_opens() { # the control connection announces tcp/445 of the camera, then somebody opens that
	in_ns_bg vms "$SITE_DIR/ftp" "$NETPROBE" connect 10.20.0.13 443 --rounds 1000 --pause-ms 100 \
		--text '227 Entering Passive Mode (10,20,0,13,1,189).'
	local pid=$SITE_LAST rc
	site_wait_line "$SITE_DIR/ftp" 'round 1' || return 0
	in_ns vms "$NETPROBE" connect 10.20.0.13 445 --timeout-ms 3000
	rc=$?
	site_kill "$pid"
	return $rc
}

attack_4() {
	if ! have_module nf_conntrack_ftp; then
		call enforced skip '4: a child of a permitted connection' 'this kernel has no FTP helper'
		return
	fi
	step both '4: a helper watches permitted connections' ftp_helper
	check drop '4: a child of a permitted connection' child_opens
	step both '4: no helper' in_ns fw nft delete table inet helper
}

fill_denied() {
	in_ns hik "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[desk]}" --proto udp \
		--sport 1000 --dport 1 --dflows 60000 --hosts 2 --count 70000 --rate 4000
}

attack_5() {
	probe pass '5: a live flow' axis vms udp 50050 sport=7005 n=10
	barrier
	step enforced '5: the memory of denials is filled' fill_denied
	probe drop '5: forged packets of the live flow' hik vms udp 50050 sport=7005 src=axis smac=hik n=50
	probe drop '5: and new flows' hik desk udp 53 n=50
	barrier
	probe pass '5: the flow itself goes on' axis vms udp 50050 sport=7005 n=10
}

attack_6() {
	probe pass '6: a live flow' axis vms udp 50060 sport=7006 n=10
	barrier
	step enforced '6: nobody answers the queue' site_daemon_kill
	probe drop '6: forged packets of the live flow' hik vms udp 50060 sport=7006 src=axis smac=hik n=50
	probe drop '6: new flows of R' hik desk udp 53 n=20
	probe drop '6: and to R' vms hik tcp-syn 443 n=20
	probe drop '6: what only userspace could decide' axis desk udp 53 n=20
	probe pass '6: the live flow goes on' axis vms udp 50060 sport=7006 n=50
	barrier
	step enforced '6: the daemon is back' site_daemon_start
	a_passes '6: A passes'
}

attack_7() {
	probe drop '7a: A opens to the VMS from its video port' axis vms tcp-syn 22 sport=554 n=20
	probe pass '7b: a flow of the VMS to A is permitted' vms axis udp 4000 sport=5001 n=10
	probe pass '7b: with answers' axis vms udp 5001 sport=4000 n=10
	barrier
	step enforced '7b: the policy forbids it' reload "${ATTACK_RULES[@]}" -vms-to-4000
	probe drop '7b: the answers do not pass as a flow of the camera' axis vms udp 5001 sport=4000 n=20
	barrier
	probe drop '7b: nor does the flow' vms axis udp 4000 sport=5001 n=20
	barrier
	step enforced '7: the policy as before' reload "${ATTACK_RULES[@]}"
}

restart() { # with another policy
	site_daemon_kill
	policy_write "$@" && site_daemon_start
}

attack_8() {
	probe pass '8: a live flow' axis vms udp 5001 sport=7008 n=10
	barrier
	step enforced '8: another daemon with another policy' restart -cameras-send-rtp
	probe drop '8: the flow is not what the old one stamped' axis vms udp 5001 sport=7008 n=50
	barrier
	step enforced '8: and back' restart "${ATTACK_RULES[@]}"
	a_passes '8: A passes'
}

# What one guarded end opens to another is userspace's to judge.
attack_9() {
	step enforced '9: the daemon hangs' site_daemon_hang
	probe drop '9: new flows between two cameras wait' axis2 prec udp 50090 sport=7009 n=50
	barrier_hung
	step enforced '9: the policy forbids them before it wakes' policy_write -cameras-send-rtp
	step enforced '9: the hung daemon is replaced' restart -cameras-send-rtp
	probe drop '9: nothing of them has passed' axis2 prec udp 50090 sport=7009 n=10
	barrier
	step enforced '9: the policy as before' reload "${ATTACK_RULES[@]}"
	a_passes '9: A passes'
}

# While the daemon hangs its queue does not empty: wait until the packets are in it.
queued() { in_ns fw awk '{ n += $3 } END { exit n < 50 }' /proc/net/netfilter/nfnetlink_queue; }
barrier_hung() { step enforced '9: they are in the queue' site_wait '50 packets in the queue' queued; }

claim() { # HOST: it says that A's address is its own; in IPv6 as well
	in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${GATE4[cam0]%/*}" \
		--proto arp-reply --count 20 --rate 100 &&
		in_ns "$1" "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP6[axis]}" \
			--dst "${GATE6[cam0]%/*}" --proto na --ttl 255 --count 20 --rate 100
}

attack_11() {
	probe pass '11: a live flow' axis vms udp 50110 sport=7011 n=10
	barrier
	step both '11: another device claims its address' claim prec
	probe drop '11: the claimant does not ride on it' prec vms udp 50110 sport=7011 src=axis smac=prec n=50
	probe drop '11: nor opens anything' prec vms udp 50111 sport=7012 src=axis smac=prec n=20
	step both '11: R claims it' claim hik
	probe drop '11: R does not ride on it' hik vms udp 50110 sport=7011 src=axis smac=hik n=50
	probe pass '11: the incumbent is not cut off' axis vms udp 50110 sport=7011 n=50
	probe pass '11: and opens new flows' axis vms udp 50112 n=20
	barrier
	step both '11: the address is its own again' claim axis
}

attack_12() {
	probe pass '12: a stamped flow' axis vms udp 50120 sport=7012 n=10
	barrier
	probe drop '12: record route on it' axis vms udp 50120 sport=7012 fam=4 --record-route n=10
	for e in d h r; do
		probe drop "12: extension header $e on it" axis vms udp 50120 sport=7012 fam=6 --ext $e n=10
		probe drop "12: extension header $e on a permitted port" axis vms udp 50121 fam=6 --ext $e n=10
	done
	probe drop '12: and towards the camera' vms axis udp 7012 sport=50120 fam=4 --record-route n=10
	probe drop '12: and towards the camera' vms axis udp 7012 sport=50120 fam=6 --ext d n=10
	barrier
	probe pass '12: the flow goes on' axis vms udp 50120 sport=7012 n=10
}

attack_14() {
	probe drop '14: R uses the address of A' hik vms udp 50140 src=axis smac=hik n=5
	probe drop '14: an option on a packet of A' axis vms udp 50140 fam=4 --record-route n=1
	probe drop '14: an extension header on a packet of A' axis vms udp 50140 fam=6 --ext d n=1
	barrier
	probe pass '14: new flows of A to the same port pass' axis vms udp 50140 n=20 sport=30000 --flows 20
}

# Random MACs, addresses and ports at full speed for some seconds; meanwhile 400 new permitted flows.
attack_15() { # [--random-mac]...
	local token flood=$SITE_DIR/flood pid sent
	printf -v token %08x%08x $SRANDOM $SRANDOM
	printf -v FLOOD_TOKEN %08x%08x $SRANDOM $SRANDOM
	in_ns_bg hik "$flood" "$NETPROBE" send -i eth0 --smac "${MAC[hik]}" --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" \
		--dst "${IP4[desk]}" --proto udp --dport 53 --random-port --count 100000000 --token "$FLOOD_TOKEN" "$@"
	pid=$SITE_LAST
	sent=$(in_ns axis "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[axis]}" --dst "${IP4[vms]}" \
		--proto udp --sport 20000 --dport 50150 --flows 400 --count 400 --rate 200 --token "$token")
	site_kill "$pid"
	sent+=" of 400, flood $(sed -n 's/^sent //p' "$flood")"
	site_settle "vms.$token" "desk.$FLOOD_TOKEN"
	is "$SITE_PHASE: 15: 400 new permitted flows beside a flood $* ($sent)" "${COUNTED[vms.$token]:-0}" 400
	if [ "$SITE_PHASE" = control ]; then
		is 'control: 15: the flood itself arrives' $((${COUNTED[desk.$FLOOD_TOKEN]:-0} > 1000)) 1
	else
		is '15, 16: and nothing of the flood passes' "${COUNTED[desk.$FLOOD_TOKEN]:-0}" 0
	fi
	# What the flood cost the counter itself is no loss of the firewall.
	COUNTED[desk.overruns]=0
}

attack_15s() {
	call both attack_15
	call both attack_15 --random-mac
	call both attack_15 --random-mac --random-addr
}

attack_24() {
	step enforced '24: what userspace decides may fail open' reload "${ATTACK_RULES[@]}" 'fail={ cctv: open }'
	step enforced '24: and nobody answers' site_daemon_kill
	probe drop '24: R does not pass' hik desk udp 53 n=20
	probe drop '24: nor with the address of A' hik vms udp 50240 src=axis smac=hik n=20
	probe drop '24: nor with the MAC of A and another address' hik vms udp 50240 src=hik smac=axis n=20
	probe drop '24: nor an unknown device' unk vms udp 50240 n=20
	probe drop '24: nor anybody to R' vms hik tcp-syn 443 n=20
	barrier
	step enforced '24: the daemon is back' restart "${ATTACK_RULES[@]}"
	a_passes '24: A passes'
}

clock_back() { site_daemon_kill; date -s '2023-06-01 12:00' >/dev/null && site_daemon_start; }
clock_back_beside_it() { # and the policy is loaded again
	SEQ=$(last_seq)
	date -s '2023-06-01 12:00' >/dev/null && reload "${ATTACK_RULES[@]}"
}
set_back_told() { told_soon "$SEQ" clock_unsound 'set back'; }
clock_forth() { # later than anything that the store has seen
	site_daemon_kill
	date -s "@$((CLOCK += 600))" >/dev/null && site_daemon_start
}

attack_25() {
	if [ -z "${RINGFENCE_VM:-}" ]; then
		call enforced skip '25: a clock that is set back' 'only a machine of our own may have its clock set'
		return
	fi
	CLOCK=$(date +%s)
	step enforced '25: the clock is set back' clock_back
	check drop '25: an ended exception stays ended' in_ns desk "$NETPROBE" connect 10.20.1.21 445 --timeout-ms 3000
	step enforced '25: the clock is right' clock_forth
	step enforced '25: the clock is set back beside the daemon' clock_back_beside_it
	check drop '25: an ended exception stays ended, also for a policy that is loaded now' \
		in_ns desk "$NETPROBE" connect 10.20.1.21 445 --timeout-ms 3000
	step enforced '25: an event says so' set_back_told
	step enforced '25: the clock is right once more' clock_forth
	a_passes '25: A passes'
}

foreign_chains() {
	in_ns fw nft -f - <<-'NFT'
		table inet foreign {
		 chain marks { type filter hook prerouting priority -300;
		  meta mark set 0xfd000000
		 }
		 chain post { type filter hook forward priority -11;
		  counter accept
		 }
		 chain late { type filter hook forward priority 0;
		  ct mark set ct mark counter accept
		 }
		}
	NFT
}

attack_26() {
	step both '26: chains of others, with marks like ours' foreign_chains
	probe drop '26: R does not pass' hik desk udp 53 n=20
	probe drop '26: nor with the address of A' hik vms udp 50260 src=axis smac=hik n=20
	probe drop '26: nor A where it may not' axis desk udp 53 n=20
	probe pass '26: A passes' axis vms udp 50260 n=20
	barrier
	step both '26: no foreign chains' in_ns fw nft delete table inet foreign
	step enforced '26: the two stages stand at -12 and -11' stages
}

stages() {
	local c
	c=$(in_ns fw nft list table inet ringfence 2>/dev/null | grep -oE 'hook forward priority [^;]*' | sort)
	[ "$c" = $'hook forward priority -11\nhook forward priority -12' ] || {
		echo "$c"
		return 1
	}
}

ATTACK_RULES=(+rules '- { id: one-port, from: cctv, to: vms, services: [udp/5001], action: allow }'
	+rules '- { id: vms-to-4000, from: vms, to: cctv, services: [udp/4000], action: allow }')
site_up 20-attacks
for a in ${ATTACKS:-1 2 3 4 5 6 7 8 9 11 12 14 15s 24 25 26}; do "attack_$a"; done

attacks_run
