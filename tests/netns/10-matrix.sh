#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything to everything, over IPv4 and IPv6: restricted and unknown devices reach nothing outside
# their zone and nothing outside reaches them, whoever opens; permitted devices reach exactly what the
# policy allows; recording inside the zone goes on.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2

RESTRICTED='hik dah unk rrec'

# What a restricted or unknown device opens, also to ports that permitted cameras may use.
for d in $RESTRICTED; do
	probe drop "$d to a desk, tcp/445" $d desk tcp-syn 445
	probe drop "$d to the VMS, as RTP" $d vms udp 50000
	probe drop "$d to the VMS, tcp/554" $d vms tcp-syn 554
	probe drop "$d to the clock" $d clock udp 123
	probe drop "$d to the outside, tcp/443" $d out tcp-syn 443
	probe drop "$d to the outside, udp/53" $d out udp 53
	probe drop "$d pings the core" $d files icmp-echo
	probe drop "$d to the firewall, tcp/22" $d fw tcp-syn 22
	probe drop "$d to the firewall, udp/123" $d fw udp 123
	probe drop "$d pings the firewall" $d fw icmp-echo
	probe drop "$d to the firewall's core address" $d fw tcp-syn 22 fam=4 dst=10.1.0.1
done

# What is opened to it.
for d in $RESTRICTED; do
	for from in vms desk out fw; do
		probe drop "$from to $d, tcp/554" $from $d tcp-syn 554
		probe drop "$from to $d, udp/50000" $from $d udp 50000
		probe drop "$from pings $d" $from $d icmp-echo
	done
done
check drop 'the VMS connects to a restricted camera' in_ns vms "$NETPROBE" connect 10.20.0.11 443 --timeout-ms 2000
check drop 'the same over IPv6' in_ns vms "$NETPROBE" connect fd00:20::11 443 --timeout-ms 2000
check drop 'the firewall connects to a restricted camera' in_ns fw "$NETPROBE" connect 10.20.0.11 80 --timeout-ms 2000
check drop 'a restricted camera connects to the firewall' in_ns hik "$NETPROBE" connect 10.20.0.1 22 --timeout-ms 2000

# Inside its zone the rules decide: the restricted recorder records, across the firewall.
check pass 'the restricted recorder pulls from a restricted camera' \
	in_ns rrec "$NETPROBE" rtsp-pull 10.20.0.11 554 --rtp 51000 --packets 20
check pass 'the same over IPv6' in_ns rrec "$NETPROBE" rtsp-pull fd00:20::11 554 --rtp 51002 --packets 20
check pass 'and from a permitted one' in_ns rrec "$NETPROBE" rtsp-pull 10.20.0.13 554 --rtp 51004 --packets 20
probe drop 'but opens nothing else there' rrec hik tcp-syn 22
probe drop 'nor is anything else opened to it' hik rrec tcp-syn 22

# Permitted devices: what the policy allows.
for f in 10.20.0.13 fd00:20::13 10.20.1.13 fd00:20::1:0:0:13; do
	check pass "the VMS pulls video from $f, RTP is opened by the camera" \
		in_ns vms "$NETPROBE" rtsp-pull $f 554 --rtp 52000 --packets 50 --bytes 300000
done
check pass 'a permitted recorder pulls video across the firewall' \
	in_ns prec "$NETPROBE" rtsp-pull 10.20.1.13 554 --rtp 52002 --packets 50
check pass 'the VMS uses tcp/443' in_ns vms "$NETPROBE" connect fd00:20::13 443 --send 100000
check pass 'a camera asks the clock' in_ns axis "$NETPROBE" connect 10.1.0.123 123 --udp
check pass 'the same over IPv6' in_ns axis2 "$NETPROBE" connect fd00:1::123 123 --udp
for d in axis axis2; do
	probe pass "$d sends RTP to the VMS" $d vms udp 50001 n=20
	probe pass "the VMS pings $d" vms $d icmp-echo
done

# And nothing more.
for d in axis axis2 prec; do
	probe drop "$d to a desk" $d desk tcp-syn 445
	probe drop "$d to the VMS, tcp/22" $d vms tcp-syn 22
	probe drop "$d to the VMS, one port below RTP" $d vms udp 49999
	probe drop "$d to the VMS, one port above RTP" $d vms udp 60000
	probe drop "$d to another host, as RTP" $d files udp 50000
	probe drop "$d to the outside" $d out tcp-syn 443
	probe drop "$d to the firewall" $d fw tcp-syn 22
	probe drop "$d pings the clock" $d clock icmp-echo
	probe drop "the VMS to $d, tcp/22" vms $d tcp-syn 22
	probe drop "a desk to $d, tcp/554" desk $d tcp-syn 554
	probe drop "the outside to $d" out $d tcp-syn 554
	probe drop "the firewall to $d" fw $d tcp-syn 80
done
probe drop 'a camera opens to the VMS from its video port' axis vms tcp-syn 22 sport=554

# Nobody's business.
probe pass 'a desk to the outside' desk out tcp-syn 443
probe pass 'the outside to a desk' out desk udp 53
probe pass 'a desk to the firewall' desk fw tcp-syn 22
probe pass 'the firewall to a desk' fw desk udp 53
check pass 'a desk connects to the outside' in_ns desk "$NETPROBE" connect 203.0.113.9 443

# Forged identities.
probe pass 'a permitted flow to ride on' axis vms udp 50010 sport=6000 n=20
barrier
probe drop 'a restricted camera forges its address and ports' hik vms udp 50010 sport=6000 src=axis smac=hik n=20
probe drop 'and TCP' hik vms tcp-ack 50010 sport=6000 src=axis smac=hik
probe drop 'an unknown device does' unk vms udp 50010 sport=6000 src=axis smac=unk n=20
probe drop 'a permitted camera takes the address of another' axis vms udp 50010 src=prec smac=axis
probe drop 'a forged MAC with its own address' hik vms udp 50010 src=hik smac=axis
probe drop 'an address of the core' hik desk udp 53 src=vms smac=hik
probe drop 'a permitted camera with an address of the core' axis desk udp 53 src=vms smac=axis
probe drop 'an address of the outside' hik desk udp 53 src=out smac=hik
probe drop 'an address of the other camera interface' axis vms udp 50010 src=axis2 smac=axis2
probe drop 'from the core, with an address of the cameras' desk axis tcp-syn 554 src=prec smac=desk
probe drop 'from the outside, with the address of the VMS' out axis tcp-syn 554 src=vms smac=out
barrier
probe pass 'the flow itself goes on' axis vms udp 50010 sport=6000 n=20

# Shapes that one part of the firewall could read differently from another.
for d in hik axis; do
	probe drop "$d, record route" $d vms udp 50020 fam=4 --record-route
	for e in h d r hd; do
		probe drop "$d, IPv6 extension headers: $e" $d vms udp 50020 fam=6 --ext $e
	done
	probe drop "$d, first fragment" $d vms udp 50020 --frag first --size 600
	probe drop "$d, later fragment" $d vms udp 50020 --frag later --size 600
	probe drop "$d, two fragments" $d desk udp 53 --frag pair --size 600 arrive=some
	probe drop "$d, tiny fragments" $d desk udp 53 --frag tiny --size 600 arrive=some
	probe drop "$d, overlapping fragments" $d desk udp 53 --frag overlap --size 600 arrive=some
	probe drop "$d, GRE" $d vms gre 50020
	probe drop "$d, IPIP" $d vms ipip 50020 fam=4
	probe drop "$d, 6in4" $d vms 6in4 50020 fam=4 --inner-src fd00:20::11 --inner-dst fd00:1::5:10
	probe drop "$d, SCTP" $d vms sctp 50020
	probe drop "$d, protocol 253" $d vms raw --number 253
	probe drop "$d, an ICMP error about nothing" $d vms icmp-error 50020
	probe drop "$d, TTL 2" $d desk udp 53 --ttl 2
	probe drop "$d, multicast of the link" $d fw udp 5001 fam=4 dst=224.0.0.1 dmac=01:00:5e:00:00:01
	probe drop "$d, multicast of the link" $d fw udp 5001 fam=6 dst=ff02::1 dmac=33:33:00:00:00:01
	probe drop "$d, broadcast" $d fw udp 5001 fam=4 dst=10.20.0.255 dmac=ff:ff:ff:ff:ff:ff
	probe drop "$d, ICMP redirect" $d fw icmp fam=4 --icmp-type 5 --icmp-code 1
	probe drop "$d, router advertisement" $d fw icmp fam=6 --icmp-type 134
done

# The kernel's reassembly takes the header of an atomic fragment off: what is left is a whole packet, and judged as one.
probe drop 'an atomic fragment' hik vms udp 50020 fam=6 --ext f
probe drop 'an atomic fragment where A may not' axis desk udp 53 fam=6 --ext f

# Errors about permitted flows belong to them.
probe pass 'a flow to be complained about' axis vms udp 50030 sport=6100
probe pass 'and one over TCP' vms axis tcp-syn 554 sport=6200
barrier
probe pass 'port unreachable' vms axis icmp-error --inner-src 10.20.0.13 --inner-dst 10.1.5.10 --inner-sport 6100 \
	--inner-dport 50030 fam=4
probe pass 'port unreachable' vms axis icmp-error --inner-src fd00:20::13 --inner-dst fd00:1::5:10 --inner-sport 6100 \
	--inner-dport 50030 fam=6
probe pass 'fragmentation needed, from a router' files axis icmp-error --icmp-type 3 --icmp-code 4 --mtu 1400 \
	--inner-src 10.20.0.13 --inner-dst 10.1.5.10 --inner-sport 6100 --inner-dport 50030 fam=4
probe pass 'packet too big, from a router' files axis icmp-error --icmp-type 2 --mtu 1400 \
	--inner-src fd00:20::13 --inner-dst fd00:1::5:10 --inner-sport 6100 --inner-dport 50030 fam=6
probe drop 'an error about no flow' vms axis icmp-error --inner-src 10.20.0.13 --inner-dst 10.1.5.10 --inner-sport 7 \
	--inner-dport 50030 fam=4
probe drop 'an error about no flow' vms axis icmp-error --inner-src fd00:20::13 --inner-dst fd00:1::5:10 --inner-sport 7 \
	--inner-dport 50030 fam=6
step both 'a narrower core' in_ns fw ip link set core0 mtu 1400
check pass 'path MTU is discovered, IPv4' in_ns vms "$NETPROBE" rtsp-pull 10.20.0.13 554 --rtp 52010 --packets 1
check pass 'path MTU is discovered, IPv6' in_ns vms "$NETPROBE" rtsp-pull fd00:20::13 554 --rtp 52012 --packets 1
step both 'as wide as before' in_ns fw ip link set core0 mtu 1500

# Exceptions.
check pass 'a live exception' in_ns desk "$NETPROBE" connect 10.20.1.21 8000
check pass 'over IPv6' in_ns desk "$NETPROBE" connect fd00:20::1:0:0:21 8000
check drop 'not for anybody else' in_ns files "$NETPROBE" connect 10.20.1.21 8000 --timeout-ms 2000
check drop 'an ended exception' in_ns desk "$NETPROBE" connect 10.20.1.21 445 --timeout-ms 2000
check drop 'an exception opens one way' in_ns rrec "$NETPROBE" connect 10.1.7.9 8000 --timeout-ms 2000

rounds() { grep -c '^round' "$1"; }
more_rounds() { [ "$(rounds "$1")" -gt "$2" ]; }

# An exception that ends while it is used: the established flow is cut, and no other is let in.
exception_ends() {
	local end pid n
	end=$(($(date +%s) + 20))
	policy_write +exceptions "- { id: desk-short, from: desk, to: old-nvr, services: [tcp/22], expires: \"$(date -u -d "@$end" \
		+%FT%TZ)\", owner: estates, ticket: CHG-3, reason: ends during the test }"
	truth 'a policy with an exception that is about to end' ringfence reload
	in_ns_bg desk "$SITE_DIR/short" "$NETPROBE" connect 10.20.1.21 22 --rounds 100000 --pause-ms 100 --timeout-ms 5000
	pid=$SITE_LAST
	truth 'it is live' site_wait 'three rounds' more_rounds "$SITE_DIR/short" 2
	[ "$(date +%s)" -lt "$end" ] || not_ok 'the machine is too slow to see it live'
	site_wait 'the connection to be cut' grep -qE 'timeout|broken|refused' "$SITE_DIR/short"
	n=$(rounds "$SITE_DIR/short")
	is 'established: cut when it ends' "$(tail -n 1 "$SITE_DIR/short" | grep -cE 'timeout|broken|refused')" 1
	is 'and not before' "$(($(date +%s) >= end))" 1
	site_kill "$pid"
	check_now=$(in_ns desk "$NETPROBE" connect 10.20.1.21 22 --timeout-ms 2000)
	is "ended (after $n rounds): no new one" "$(grep -c connected <<<"$check_now")" 0
}

site_up 10-matrix
site_servers udp:52999
for h in hik dah unk axis axis2 prec; do
	in_ns_bg $h "$SITE_DIR/camera.$h" "$NETPROBE" rtsp-camera 554
done
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123; done
site_enforced
exception_ends
site_done
