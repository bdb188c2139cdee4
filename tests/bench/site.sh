# SPDX-License-Identifier: GPL-2.0-or-later
#
# site.sh: what run.sh measures on: three namespaces (a camera segment that speaks for all devices, the firewall, a core host),
# and what stands in the firewall, one column each.  Sourced; $dir, $O and $DEVICES are set.
# shellcheck shell=bash

CAM0_MAC=02:fe:00:00:00:20 CORE_MAC=02:fe:00:00:00:30 BULK_MAC=02:fe:00:00:00:10
COLUMNS_ALL='plain rules rules-id example ringfence'
RECEIVE_CPU=0	# where packets come in: the sender's processor, on which the kernel handles what it sends

die() { echo "make bench: $*" >&2; [ ! -s "$dir/daemon.log" ] || tail "$dir/daemon.log" >&2; exit 2; }
in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

net_up() {
	local n
	for n in cam fw core; do ip netns add $n; ip -n $n link set lo up; done
	ip -n cam link add eth0 address $BULK_MAC type veth peer name cam0 address $CAM0_MAC netns fw
	ip -n core link add eth0 address $CORE_MAC type veth peer name core0 netns fw
	for n in cam fw core; do
		in_ns $n sh -c 'for d in /proc/sys/net/ipv6/conf/*; do echo 0 >$d/accept_dad; done'
	done
	ip -n fw -batch - <<-B
		addr add 10.20.0.1/16 dev cam0
		addr add fd00:20::fffe/64 dev cam0
		addr add 10.1.0.1/16 dev core0
		addr add fd00:1::1/64 dev core0
		link set cam0 up
		link set core0 up
		neigh replace 10.1.5.10 lladdr $CORE_MAC dev core0 nud permanent
		neigh replace fd00:1::10 lladdr $CORE_MAC dev core0 nud permanent
		neigh replace 10.20.200.1 lladdr $BULK_MAC dev cam0 nud permanent
	B
	ip -n cam -batch - <<-B
		addr add 10.20.200.1/16 dev eth0
		link set eth0 up
		route add default via 10.20.0.1
		neigh replace 10.20.0.1 lladdr $CAM0_MAC dev eth0 nud permanent
	B
	ip -n core -batch - <<-B
		addr add 10.1.5.10/16 dev eth0
		link set eth0 up
		route add default via 10.1.0.1
	B
	in_ns fw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		for d in /proc/sys/net/ipv4/conf/*; do echo 0 >$d/rp_filter; done'
	# The receiver drops datagrams at once: what arrives is counted by the device.
	in_ns core nft -f - <<-N
		table netdev sink {
			chain in { type filter hook ingress device "eth0" priority 0; meta l4proto udp drop; }
		}
	N
}

# asked: core is guarded, too (and only observes, so that nothing is fenced there), so that userspace is asked about every flow: what
# both ends guard is never the kernel's to decide.
policy() { # decide|asked|offload
	local i
	cat <<-P
		version: 1
		site: { name: bench }
		packs: [uk-nil]
		zones:
		  cctv: { interfaces: [cam0], networks: [10.20.0.0/16, "fd00:20::/64"], guarded: true }
		  core: { interfaces: [core0], networks: [10.1.0.0/16, "fd00:1::/64"]$([ "$1" != asked ] || echo ', guarded: true, unknown: rules, mode: observe') }
		groups: { restricted: { packs: [uk-nil] } }
		hosts: { vms: { networks: [10.1.5.10, "fd00:1::10"] } }
		services: { rtp: [udp/50000-59999], copy: [tcp/5201] }
		restrict:
		  - { id: restricted-isolated, group: restricted }
		rules:
		  - { id: rtp, from: cctv, to: vms, services: [rtp, copy], action: allow$([ "$1" != offload ] || echo ', offload: true') }
		default: drop
		devices:
		  - { name: bulk, macs: ["$BULK_MAC"], addresses: [10.20.200.1] }
	P
	for ((i = 0; i < DEVICES; i++)); do
		printf '  - { name: d%d, macs: ["ac:cc:8e:01:%02x:%02x"], addresses: [10.20.%d.%d, "fd00:20::%x"] }\n' $i $((i / 256)) \
			$((i % 256)) $((1 + i / 200)) $((1 + i % 200)) $((i + 1))
	done
}

# A table for each family, so that no rule asks which one it is.
hand_rules() { # plain|id
	local i four="\"core0\" . $CORE_MAC . 10.1.5.10, \"cam0\" . $BULK_MAC . 10.20.200.1" six='' mac
	for ((i = 0; i < DEVICES; i++)); do
		mac=$(printf 'ac:cc:8e:01:%02x:%02x' $((i / 256)) $((i % 256)))
		four+=", \"cam0\" . $mac . 10.20.$((1 + i / 200)).$((1 + i % 200))"
		six+="${six:+, }\"cam0\" . $mac . fd00:20::$(printf %x $((i + 1)))"
	done
	in_ns fw nft -f - <<-N
		table ip hand {
			set who { type ifname . ether_addr . ipv4_addr; elements = { $four }; }
			chain f {
				type filter hook forward priority 0; policy drop;
				$([ "$1" = plain ] || echo 'iifname . ether saddr . ip saddr != @who drop')
				ct state established,new ct mark 1 accept
				ip daddr 10.1.5.10 udp dport 50000-59999 ct mark set 1 accept
				ip daddr 10.1.5.10 tcp dport 5201 ct mark set 1 accept
			}
		}
		table ip6 hand {
			set who { type ifname . ether_addr . ipv6_addr; elements = { $six }; }
			chain f {
				type filter hook forward priority 0; policy drop;
				$([ "$1" = plain ] || echo 'iifname . ether saddr . ip6 saddr != @who drop')
				ct state established,new ct mark 1 accept
				ip6 daddr fd00:1::10 udp dport 50000-59999 ct mark set 1 accept
			}
		}
	N
}
hand_down() { in_ns fw nft 'delete table ip hand; delete table ip6 hand'; }

# The same job around the example's loop: conntrack, a mark that remembers what was accepted, the queue for the rest.
queue_up() { # PROGRAM ARG...: it takes queue 7
	local t
	in_ns fw nft -f - <<-N || die 'the yardstick'\''s rules do not load'
		table inet yardstick {
			chain gate {
				type filter hook forward priority -10; policy accept;
				ct state new,established ct mark 1 accept
			}
			chain post {
				type filter hook forward priority 10; policy accept;
				ct state new,established ct mark set 1
			}
		}
	N
	for t in iptables ip6tables; do
		in_ns fw $t -A FORWARD -i cam0 -m connmark ! --mark 1 -j NFQUEUE --queue-num 7 || die "no $t: apt install iptables"
	done
	: >"$dir/loop"
	nsenter --net=/run/netns/fw -- "$@" >"$dir/loop" &
	judge=$!
	for _ in $(seq 100); do grep -q ready "$dir/loop" && return; sleep 0.05; done
	die "$* does not start"
}
queue_down() {
	kill $judge; wait $judge 2>/dev/null
	in_ns fw iptables -F FORWARD
	in_ns fw ip6tables -F FORWARD
	in_ns fw nft delete table inet yardstick
}

# What ringfence has conntrack do: count, and tell of the ends of flows.
conntrack_as() { # ACCOUNTS EVENTS
	in_ns fw sh -c "echo $1 >/proc/sys/net/netfilter/nf_conntrack_acct; echo $2 >/proc/sys/net/netfilter/nf_conntrack_events"
}

# A start is no packet's cost: waits until the daemon takes less than a hundredth of a processor.
settled() {
	local i before
	for ((i = 0; i < 20; i++)); do
		before=$(threads_ns $judge .)
		sleep 0.5
		[ $(($(threads_ns $judge .) - before)) -ge 5000000 ] || return 0
	done
}
daemon_ready() { # POLICY [SECONDS between looks]
	local end=$((SECONDS + 30))
	rm -rf "$dir/state"
	: >"$dir/daemon.log"
	nsenter --net=/run/netns/fw -- "$O/ringfenced" -p "$1" --state "$dir/state" --run "$dir/run" --foreground >"$dir/daemon.log" 2>&1 &
	judge=$!
	while [ $SECONDS -lt $end ]; do
		grep -q ' ready ' "$dir/daemon.log" && return
		kill -0 $judge 2>/dev/null || break
		sleep "${2:-0.1}"
	done
	die 'ringfenced does not start'
}
daemon_start() { daemon_ready "$1" && settled; } # POLICY
daemon_stop() {
	kill $judge; wait $judge 2>/dev/null
	in_ns fw nft flush ruleset
}

column_up() {
	judge=
	case $1 in
	plain) ;;
	rules) hand_rules plain ;;
	drop) hand_rules plain; conntrack_as 1 1 ;;
	rules-id) hand_rules id ;;
	example) queue_up "$O/bench/oneloop" 7 ;;
	ringfence) daemon_start "$dir/policy.yaml" ;;
	esac
}
column_down() {
	case $1 in
	rules | rules-id) hand_down ;;
	drop) hand_down; conntrack_as 0 2 ;;
	example) queue_down ;;
	ringfence) daemon_stop ;;
	esac
}

# ---- what is measured ----

received() { ip -n core -s link show eth0 | awk '/RX:/ { getline; print $2 }'; }
# Processor time of a process's threads whose name matches, in ns, with all that the kernel does in their names.
threads_ns() { # PID NAMES
	local t n=0 c
	for t in /proc/"$1"/task/*; do
		read -r c <"$t/comm"
		[[ $c =~ $2 ]] || continue
		read -r c _ <"$t/schedstat"
		n=$((n + c))
	done 2>/dev/null
	echo $n
}
# Packets that any queue was given, and those that still wait there.
asked() { in_ns fw awk '{ n += $8 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue; }
waiting() { in_ns fw awk '{ n += $3 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue; }
lost() { in_ns fw awk '{ n += $6 + $7 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue; }
send() { in_ns cam taskset -c $RECEIVE_CPU "$O/bench/sender" -i eth0 -m $CAM0_MAC -n "$DEVICES" "$@" 9<&"$SOFTIRQ"; }

# Sends as sender's options say, to a conntrack that knows nothing unless keep is set.  Sets sent, got (what arrived), ns (of sender, kernel and judge), judge_ns, was_asked, was_lost.
measure() { # NAMES OPTION...: the judge's threads that count
	local names=$1 judge0 got0 asked0 lost0 text
	shift
	[ -n "${keep:-}" ] || in_ns fw "$O/bench/ctflush"
	judge0=0
	[ -z "$judge" ] || judge0=$(threads_ns $judge "$names")
	got0=$(received) asked0=$(asked) lost0=$(lost)
	text=$(send "$@") || die 'the sender failed'
	read -r _ sent _ ns <<<"$text"
	for _ in $(seq 100); do [ "$(waiting)" = 0 ] && break; sleep 0.05; done
	sleep 0.05
	judge_ns=0
	[ -z "$judge" ] || judge_ns=$(($(threads_ns $judge "$names") - judge0))
	ns=$((ns + judge_ns)) got=$(($(received) - got0)) was_asked=$(($(asked) - asked0)) was_lost=$(($(lost) - lost0))
}
