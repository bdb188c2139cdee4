#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench: writes a table to standard output and build/…/bench.json.  Ratios between things run in one go, in turn, medians
# of ROUNDS (5): see README.md beside this file.  Everything is sent inside namespaces of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${O:=build/plain}" "${ROUNDS:=5}" "${SECONDS_EACH:=2}" "${DEVICES:=64}" "${RATE:=40000}"
top=$(cd "$here/../.." && pwd)
case $O in /*) ;; *) O=$top/$O ;; esac
if [ -z "${BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "make bench needs root: it makes network namespaces" >&2; exit 2; }
	BENCH_INSIDE=1 exec unshare --mount --pid --fork --kill-child=KILL --mount-proc bash -c '
		mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec bash "$1"' bench "$here/run.sh"
fi
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
export RINGFENCE_DATA=$top/rules
CAM_MAC=02:fe:00:00:00:20
rows=()

die() { echo "make bench: $*" >&2; [ ! -s "$dir/daemon.log" ] || tail "$dir/daemon.log" >&2; exit 2; }
in_ns() { nsenter --net="/run/netns/$1" -- "${@:2}"; }
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# A camera segment (one interface that speaks for all devices), the firewall, a core host.
net_up() {
	local n
	for n in cam fw core; do ip netns add $n; ip -n $n link set lo up; done
	ip -n cam link add eth0 type veth peer name cam0 netns fw address $CAM_MAC
	ip -n core link add eth0 type veth peer name core0 netns fw
	ip -n fw -batch - <<-B
		addr add 10.20.0.1/16 dev cam0
		addr add 10.1.0.1/16 dev core0
		link set cam0 up
		link set core0 up
	B
	ip -n cam link set eth0 up
	ip -n core addr add 10.1.5.10/16 dev eth0
	ip -n core link set eth0 up
	ip -n core route add default via 10.1.0.1
	ip -n fw neigh replace 10.1.5.10 lladdr "$(ip -n core link show eth0 | awk '/ether/ { print $2 }')" dev core0 nud permanent
	in_ns fw sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; for d in /proc/sys/net/ipv4/conf/*; do echo 0 >$d/rp_filter; done'
	# The receiver drops at once: what arrives is counted by the device.
	in_ns core nft -f - <<-N
		table netdev sink {
			chain in { type filter hook ingress device "eth0" priority 0; policy drop; }
		}
	N
}

# Short-lived entries, so that a round does not fill the table for the next.
short_conntrack() { in_ns fw sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout; echo 2 >/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream'; }

policy() {
	local i
	cat <<-P
		version: 1
		site: { name: bench }
		packs: [uk-nil]
		zones:
		  cctv: { interfaces: [cam0], networks: [10.20.0.0/16], guarded: true }
		  core: { interfaces: [core0], networks: [10.1.0.0/16] }
		groups: { restricted: { packs: [uk-nil] } }
		hosts: { vms: { networks: [10.1.5.10] } }
		services: { rtp: [udp/50000-59999] }
		restrict:
		  - { id: restricted-isolated, group: restricted }
		rules:
		  - { id: rtp, from: cctv, to: vms, services: [rtp], action: allow }
		default: drop
		devices:
	P
	for ((i = 0; i < DEVICES; i++)); do
		printf '  - { name: d%d, macs: ["ac:cc:8e:01:%02x:%02x"], addresses: [10.20.%d.%d] }\n' $i $((i / 256)) $((i % 256)) \
			$((1 + i / 200)) $((1 + i % 200))
	done
}

daemon_start() {
	nsenter --net=/run/netns/fw -- "$O/ringfenced" -p "$dir/policy.yaml" --state "$dir/state" --run "$dir/run" --foreground >"$dir/daemon.log" 2>&1 &
	daemon=$!
	for _ in $(seq 300); do grep -q ready "$dir/daemon.log" && return; kill -0 $daemon 2>/dev/null || break; sleep 0.1; done
	die 'ringfenced does not start'
}
daemon_stop() {
	kill $daemon; wait $daemon 2>/dev/null
	in_ns fw nft delete table inet ringfence
}

received() { ip -n core -s link show eth0 | awk '/RX:/ { getline; print $2 }'; }
send() { in_ns cam "$O/bench/sender" eth0 $CAM_MAC 10.1.5.10 "$DEVICES" "$@" | awk '{ print $2, $4 }'; }	# FLOWS RATE SECONDS SIZE
cpu_ns() { awk '{ n += $1 } END { printf "%.0f\n", n }' "$@"; }	# schedstat files
queued() { in_ns fw awk -v q="$1" '$1 == q { print $8 }' /proc/net/netfilter/nfnetlink_queue; }

# Worker CPU for each packet that userspace judges: every packet opens a permitted flow.

# The same job around the loop: conntrack, a mark that remembers what was accepted, the queue for the rest.
example_rules() {
	in_ns fw nft -f - <<-N || return 1
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
	in_ns fw iptables -A FORWARD -i cam0 -m connmark ! --mark 1 -j NFQUEUE --queue-num 7
}

round_example() {
	local pid before after sent took n
	example_rules || die 'no way to load the yardstick'\''s queue rule: apt install iptables'
	in_ns fw "$O/bench/oneloop" 7 >"$dir/oneloop" &
	for _ in $(seq 100); do grep -q ready "$dir/oneloop" && break; sleep 0.05; done
	pid=$(pgrep -n oneloop)
	before=$(cpu_ns /proc/$pid/schedstat)
	read -r sent took < <(send 0 "$RATE" "$SECONDS_EACH" 64)
	sleep 0.5
	after=$(cpu_ns /proc/$pid/schedstat)
	kill $pid; wait 2>/dev/null
	n=$(awk '/judged/ { print $2 }' "$dir/oneloop")
	in_ns fw iptables -F FORWARD
	in_ns fw nft delete table inet yardstick
	[ "${n:-0}" -gt 1000 ] || die 'the yardstick judged nothing'
	example_us+=("$(awk -v c=$((after - before)) -v n="$n" 'BEGIN { print c / n / 1000 }')")
	example_lost+=("$(awk -v s="$sent" -v n="$n" 'BEGIN { print (s - n) / s }')")
}

round_ringfence() {
	local files before after q0 q1 sent took
	daemon_start
	files=$(grep -l '^ask' /proc/$daemon/task/*/comm | sed 's/comm$/schedstat/')
	[ "$files" ] || die 'no thread named ask'
	before=$(cpu_ns $files) q0=$(queued 100)
	read -r sent took < <(send 0 "$RATE" "$SECONDS_EACH" 64)
	sleep 0.5
	after=$(cpu_ns $files) q1=$(queued 100)
	daemon_stop
	[ $((q1 - q0)) -gt 1000 ] || die 'ringfenced was asked nothing'
	ring_us+=("$(awk -v c=$((after - before)) -v n=$((q1 - q0)) 'BEGIN { print c / n / 1000 }')")
	ring_lost+=("$(awk -v s="$sent" -v n=$((q1 - q0)) 'BEGIN { print (s - n) / s }')")
}

# Decided flows: packets a second that one processor sends, forwards and receives.
rate_of() { # FLOWS: sends at full speed, prints packets received a second
	local before sent took
	send "$1" 20000 0.5 64 >/dev/null
	before=$(received)
	read -r sent took < <(send "$1" 0 "$SECONDS_EACH" 64)
	awk -v n=$(($(received) - before)) -v t="$took" 'BEGIN { printf "%.0f\n", n / t }'
}

hand_rules() {
	local elements
	elements=$(awk -F'"' '/macs/ { split($0, a, /[][]/); printf "\"cam0\" . %s . %s, ", $2, a[4] }' "$dir/policy.yaml")
	in_ns fw nft -f - <<-N
		table inet hand {
			set who {
				type ifname . ether_addr . ipv4_addr
				elements = { $elements }
			}
			chain f {
				type filter hook forward priority 0; policy drop;
				$([ "$1" = plain ] || echo 'iifname . ether saddr . ip saddr != @who drop')
				ct state established,new ct mark 1 accept
				ip daddr 10.1.5.10 udp dport 50000-59999 ct mark set 1 accept
			}
		}
	N
}

decided() {
	local r
	for ((r = 0; r < ROUNDS; r++)); do
		d_plain+=("$(rate_of 1)")
		hand_rules plain; d_hand+=("$(rate_of 1)"); in_ns fw nft delete table inet hand
		hand_rules who; d_who+=("$(rate_of 1)"); in_ns fw nft delete table inet hand
		daemon_start; d_ring+=("$(rate_of 1)"); daemon_stop
		printf '.' >&2
	done
}

userspace() {
	local r
	for ((r = 0; r < ROUNDS; r++)); do
		round_example
		round_ringfence
		printf '.' >&2
	done
}

row() { # NAME VALUE UNIT RATIO TARGET pass|fail|figure
	rows+=("$(printf '{"name":"%s","value":%s,"unit":"%s","ratio":%s,"target":%s,"result":"%s"}' "$1" "$2" "$3" "${4:-null}" "${5:-null}" "$6")")
	printf '%-58s %12s %-10s %8s %8s %s\n' "$1" "$2" "$3" "${4:--}" "${5:--}" "$6"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { print a <= b ? "pass" : "fail" }'; }

for tool in ringfenced bench/sender bench/oneloop; do [ -x "$O/$tool" ] || die "no $O/$tool: run make tests"; done
policy >"$dir/policy.yaml" 2>/dev/null || true
policy >"$dir/policy.yaml"
net_up
short_conntrack
example_us=() example_lost=() ring_us=() ring_lost=() d_plain=() d_hand=() d_who=() d_ring=()
userspace
decided
echo >&2
printf '%-58s %12s %-10s %8s %8s %s\n' WHAT VALUE UNIT RATIO TARGET RESULT
e=$(median "${example_us[@]}") r=$(median "${ring_us[@]}") q=$(ratio "$r" "$e")
row 'userspace: one receive, one verdict (the example)' "$e" us/packet '' '' figure
row 'userspace: ringfenced, worker CPU per judged packet' "$r" us/packet "$q" 0.4 "$(at_most "$q" 0.4)"
row 'userspace: share that the example did not judge' "$(median "${example_lost[@]}")" share '' '' figure
row 'userspace: share that ringfenced did not judge' "$(median "${ring_lost[@]}")" share '' '' figure
p=$(median "${d_plain[@]}") h=$(median "${d_hand[@]}") w=$(median "${d_who[@]}") g=$(median "${d_ring[@]}")
row 'decided flows: plain forwarding' "$p" packets/s '' '' figure
row 'decided flows: hand-written stateful rules' "$h" packets/s "$(ratio "$h" "$p")" '' figure
row 'decided flows: the same with an identity check' "$w" packets/s "$(ratio "$w" "$p")" '' figure
row 'decided flows: ringfence, of plain forwarding' "$g" packets/s "$(ratio "$g" "$p")" '' figure
row 'decided flows: ringfence, of hand-written with identity' "$g" packets/s "$(ratio "$g" "$w")" '' figure
if [ -x "$O/bench/engine" ]; then
	"$O/bench/engine" >"$dir/engine.json" 2>/dev/null && cat "$dir/engine.json"
fi
{
	printf '{"rounds":%s,"seconds_each":%s,"devices":%s,"rate":%s,"rows":[' "$ROUNDS" "$SECONDS_EACH" "$DEVICES" "$RATE"
	(IFS=,; printf '%s' "${rows[*]}")
	printf '],"engine":['
	[ ! -s "$dir/engine.json" ] || grep '^{' "$dir/engine.json" | paste -sd,
	printf ']}\n'
} >"$O/bench.json"
echo "written: $O/bench.json"
! printf '%s\n' "${rows[@]}" | grep -q '"fail"'
