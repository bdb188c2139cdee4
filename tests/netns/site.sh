# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A site of network namespaces, to be sourced by a scenario (bash):
#
#	hik dah axis unk prec ──br-cam0── cam0 ┐          ┌ core0 ──br-core── vms files clock siem desk
#	            axis2 rrec ──br-cam1── cam1 ┴─ fw ────┴ out0 ───br-out─── out
#
# Every host is a namespace of its own, the four segments are bridges in namespace sw (ports don't
# learn: a forged MAC misleads the firewall, not our switch).  With 802.1Q devices (SITE_VLAN=1, the
# default in the virtual machine) the two camera segments are VLANs 20 and 21 of one trunk, and
# $CAM0 $CAM1 are eth1.20 eth1.21.  Names are hashed from the test's name, so tests run in parallel.
# run.sh gives each scenario a mount and a process namespace of its own; what site_down and the
# traps leave, the kernel removes.

set -u
SITE_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SITE_TOP=$(cd "$SITE_HERE/../.." && pwd)
: "${O:=build/plain}"
case $O in /*) SITE_BUILD=$O ;; *) SITE_BUILD=$SITE_TOP/$O ;; esac
NETPROBE=$SITE_BUILD/netprobe
SITE_WAIT=${SITE_WAIT:-30}		# seconds that anything may take
[ -z "${RINGFENCE_VM:-}" ] || SITE_WAIT=120
export RINGFENCE_DATA=${RINGFENCE_DATA:-$SITE_TOP/rules}

CAM0=cam0 CAM1=cam1 CORE0=core0 OUT0=out0
SITE_VLAN=${SITE_VLAN-${RINGFENCE_VM:+1}}
[ -z "$SITE_VLAN" ] || CAM0=eth1.20 CAM1=eth1.21

#                 host   segment MAC               IPv4         IPv6
SITE_TABLE='      hik    cam0    44:19:b6:00:10:01 10.20.0.11   fd00:20::11
                  dah    cam0    08:ed:ed:00:20:01 10.20.0.12   fd00:20::12
                  axis   cam0    ac:cc:8e:00:30:01 10.20.0.13   fd00:20::13
                  unk    cam0    02:00:00:00:40:01 10.20.0.14   fd00:20::14
                  prec   cam0    ac:cc:8e:00:50:01 10.20.0.20   fd00:20::20
                  axis2  cam1    ac:cc:8e:00:30:02 10.20.1.13   fd00:20::1:0:0:13
                  rrec   cam1    00:0e:22:00:60:01 10.20.1.21   fd00:20::1:0:0:21
                  vms    core    52:54:00:01:05:10 10.1.5.10    fd00:1::5:10
                  files  core    52:54:00:01:00:02 10.1.0.2     fd00:1::2
                  clock  core    52:54:00:01:01:23 10.1.0.123   fd00:1::123
                  siem   core    52:54:00:01:02:00 10.1.0.200   fd00:1::200
                  desk   core    52:54:00:01:07:09 10.1.7.9     fd00:1::7:9
                  out    out     52:54:00:ff:00:09 203.0.113.9  2001:db8:ff::9'
# The firewall's own ends: segment, MAC, IPv4 and IPv6 with prefix lengths.
SITE_GATES='      cam0   02:fe:00:00:00:20 10.20.0.1/24   fd00:20::1/80
                  cam1   02:fe:00:00:00:21 10.20.1.1/24   fd00:20::1:0:0:1/80
                  core   02:fe:00:00:00:01 10.1.0.1/16    fd00:1::1/64
                  out    02:fe:00:00:00:ff 203.0.113.1/24 2001:db8:ff::1/64'

declare -A SEG MAC IP4 IP6 GATE_MAC GATE4 GATE6 GATE_IF
SITE_NAME='' SITE_ID='' SITE_DIR='' SITE_PIDS='' DAEMON_PID=''

site_tables_read() {
	local h s m a b
	SITE_HOSTS=''
	while read -r h s m a b; do
		SITE_HOSTS+=" $h"
		SEG[$h]=$s MAC[$h]=$m IP4[$h]=$a IP6[$h]=$b
	done <<<"$SITE_TABLE"
	while read -r s m a b; do
		GATE_MAC[$s]=$m GATE4[$s]=$a GATE6[$s]=$b
	done <<<"$SITE_GATES"
}
site_tables_read

site_die() {
	echo "Bail out! $*"
	exit 2
}

site_ns() { echo "rf-$SITE_ID-$1"; }

in_ns() { # HOST COMMAND...
	local host=$1
	shift
	nsenter --net="/run/netns/rf-$SITE_ID-$host" -- "$@"
}

# As in_ns, in the background: sets SITE_LAST; killed by site_down at the latest.
in_ns_bg() { # HOST OUTPUT COMMAND...
	local host=$1 output=$2
	shift 2
	: >"$output"	# now: who waits for a line must not find the last one's
	nsenter --net="/run/netns/rf-$SITE_ID-$host" -- "$@" >"$output" 2>&1 </dev/null &
	SITE_LAST=$!
	SITE_PIDS+=" $SITE_LAST"
}

site_kill() { # PID [SIGNAL]: and wait for its end
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# Waits until COMMAND succeeds; the name is for the message.
site_wait() { # NAME COMMAND...
	local name=$1 end=$((SECONDS + SITE_WAIT))
	shift
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "# waited $SITE_WAIT s in vain for $name"
			return 1
		fi
		sleep 0.05
	done
}

site_wait_line() { # FILE PATTERN [SECONDS]
	local SITE_WAIT=${3:-$SITE_WAIT}
	site_wait "'$2' in $(basename "$1")" grep -qs -- "$2" "$1"
}

# Ports on the switch don't learn: one static entry per host and gate.
site_port() { # PORT BRIDGE MAC
	echo "link set $1 master $2 up"
	echo "link set $1 type bridge_slave learning off"
	SITE_FDB+="fdb add $3 dev $1 master static"$'\n'
}

site_switch() {
	local s
	SITE_FDB=''
	{
		echo 'link set lo up'
		for s in cam0 cam1 core out; do
			echo "link add br-$s type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
			echo "link set br-$s up"
		done
		for h in $SITE_HOSTS; do
			echo "link add to-$h type veth peer name eth0 netns $(site_ns "$h") address ${MAC[$h]}"
			site_port "to-$h" "br-${SEG[$h]}" "${MAC[$h]}"
		done
		for s in core out ${SITE_VLAN:-cam0 cam1}; do
			[ "$s" != 1 ] || continue
			echo "link add fw-$s type veth peer name ${GATE_IF[$s]} netns $(site_ns fw) address ${GATE_MAC[$s]}"
			site_port "fw-$s" "br-$s" "${GATE_MAC[$s]}"
		done
		if [ "$SITE_VLAN" ]; then
			echo "link add trunk type veth peer name eth1 netns $(site_ns fw)"
			echo 'link set trunk up'
			for s in cam0 cam1; do
				echo "link add link trunk name fw-$s type vlan id ${GATE_IF[$s]#eth1.}"
				site_port "fw-$s" "br-$s" "${GATE_MAC[$s]}"
			done
		fi
	} >"$SITE_DIR/sw.batch"
	ip -n "$(site_ns sw)" -batch "$SITE_DIR/sw.batch" || return 1
	printf %s "$SITE_FDB" >"$SITE_DIR/sw.fdb"
	bridge -n "$(site_ns sw)" -batch "$SITE_DIR/sw.fdb"
}

site_host() { # HOST
	local gate=${SEG[$1]} len4 len6
	len4=${GATE4[$gate]#*/} len6=${GATE6[$gate]#*/}
	ip -n "$(site_ns "$1")" -batch - <<-BATCH
		link set lo up
		link set eth0 up
		addr add ${IP4[$1]}/$len4 dev eth0
		addr add ${IP6[$1]}/$len6 dev eth0 nodad
		route add default via ${GATE4[$gate]%/*}
		route add default via ${GATE6[$gate]%/*}
	BATCH
}

site_firewall() {
	local s
	{
		echo 'link set lo up'
		if [ "$SITE_VLAN" ]; then
			echo 'link set eth1 up'
			for s in cam0 cam1; do
				echo "link add link eth1 name ${GATE_IF[$s]} address ${GATE_MAC[$s]} type vlan id ${GATE_IF[$s]#eth1.}"
			done
		fi
		for s in cam0 cam1 core out; do
			echo "link set ${GATE_IF[$s]} up"
			echo "addr add ${GATE4[$s]} dev ${GATE_IF[$s]}"
			echo "addr add ${GATE6[$s]} dev ${GATE_IF[$s]} nodad"
		done
	} | ip -n "$(site_ns fw)" -batch -
}

# Quick and quiet: no duplicate detection, no router advertisements; the firewall forwards and leaves
# every decision to the forward hook.  Known neighbours are asked for ten seconds, not three, before they
# are given up: on a busy machine the answer waits behind the packets of a whole load (site_backlog), and
# then everything to them would be lost.  Unknown ones not: those entries fill the one table of all namespaces.
SITE_SYSCTLS='
for d in /proc/sys/net/ipv[46]/neigh/*; do
	echo 10 >$d/ucast_solicit
done
for d in /proc/sys/net/ipv6/conf/*; do
	echo 0 >$d/accept_dad; echo 0 >$d/dad_transmits; echo 0 >$d/accept_ra; echo 0 >$d/router_solicitations
done
for d in /proc/sys/net/ipv4/conf/*; do
	echo 0 >$d/rp_filter; echo 0 >$d/send_redirects; echo 0 >$d/accept_redirects
done'
SITE_SYSCTLS_FW="$SITE_SYSCTLS
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit"

# Veth hands packets over through the backlog queue of one processor; a full one loses them and
# nobody says where.  It is one setting for the machine: raised while any site is up.
site_backlog() { # up|down
	local file=/proc/sys/net/core/netdev_max_backlog lock=/tmp/ringfence-backlog.$UID turn
	[ -w $file ] || return 0
	exec {turn}>>"$lock.turn"	# one at a time; whoever is up shares the other lock
	flock "$turn"
	if [ "$1" = up ]; then
		exec {SITE_BACKLOG}>>"$lock"
		flock -s "$SITE_BACKLOG"
		[ -s "$lock" ] || cat $file >"$lock"
		echo 100000 >$file
	elif [ "${SITE_BACKLOG:-}" ]; then
		if flock -xn "$SITE_BACKLOG"; then
			[ ! -s "$lock" ] || cat "$lock" >$file
			: >"$lock"
		fi
		exec {SITE_BACKLOG}>&-
		SITE_BACKLOG=
	fi
	exec {turn}>&-
}

site_up() { # NAME
	local h
	[ -x "$NETPROBE" ] || site_die "no $NETPROBE: run make tests"
	SITE_NAME=$1
	SITE_ID=$(printf %s "$1" | sha256sum | cut -c1-6)
	SITE_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rf-$SITE_ID.XXXXXX") || site_die 'no temporary directory'
	trap site_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	GATE_IF=([cam0]=$CAM0 [cam1]=$CAM1 [core]=$CORE0 [out]=$OUT0)
	SITE_TAINT=$(cat /proc/sys/kernel/tainted)
	site_backlog up
	for h in fw sw $SITE_HOSTS; do
		ip netns add "$(site_ns "$h")" || site_die "namespace $(site_ns "$h")"
		in_ns "$h" sh -c "$SITE_SYSCTLS"
	done
	site_switch || site_die 'the switch'
	site_firewall || site_die 'the firewall'
	in_ns fw sh -c "$SITE_SYSCTLS_FW"
	for h in $SITE_HOSTS; do
		site_host "$h" || site_die "host $h"
	done
}

site_down() {
	local rc=$? h pid
	trap - EXIT
	trap '' INT TERM HUP
	[ "$SITE_ID" ] || exit $rc
	site_daemon_kill
	for pid in $SITE_PIDS $(jobs -p); do
		site_kill "$pid" KILL
	done
	for h in fw sw $SITE_HOSTS; do
		for pid in $(ip netns pids "$(site_ns "$h")" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$(site_ns "$h")" 2>/dev/null
	done
	site_backlog down
	if [ "${SITE_KEEP:-}" ]; then
		echo "# kept: $SITE_DIR"
	else
		rm -rf "$SITE_DIR"
	fi
	if ip netns list | grep -q "^rf-$SITE_ID-"; then
		echo "# namespaces of $SITE_NAME are left behind"
		rc=3
	fi
	exit $rc
}

# The daemon, as an operator runs it.  Its output is $SITE_DIR/daemon.log, appended over restarts.
site_policy() { # [FILE]: stdin, or the file, becomes the policy
	cat ${1+"$1"} >"$SITE_DIR/policy.yaml.new" && mv "$SITE_DIR/policy.yaml.new" "$SITE_DIR/policy.yaml"
}

site_daemon_start() { # [OPTION]...
	local before=0
	[ -x "$SITE_BUILD/ringfenced" ] || {
		echo "# no $SITE_BUILD/ringfenced"
		return 1
	}
	mkdir -p "$SITE_DIR/state" "$SITE_DIR/run"
	touch "$SITE_DIR/daemon.log"
	before=$(wc -c <"$SITE_DIR/daemon.log")
	nsenter --net="/run/netns/$(site_ns fw)" -- "$SITE_BUILD/ringfenced" -p "$SITE_DIR/policy.yaml" \
		--data "$RINGFENCE_DATA" --state "$SITE_DIR/state" --run "$SITE_DIR/run" --foreground "$@" \
		>>"$SITE_DIR/daemon.log" 2>&1 </dev/null &
	DAEMON_PID=$!
	site_wait 'the daemon to be ready' site_daemon_ready "$before" && kill -0 "$DAEMON_PID" 2>/dev/null && return
	tail -n 20 "$SITE_DIR/daemon.log" | sed 's/^/# daemon: /'
	return 1
}

# True when it is ready, or has died (which the caller finds out).
site_daemon_ready() { # BYTES of the log that are older
	kill -0 "$DAEMON_PID" 2>/dev/null || return 0
	tail -c "+$(($1 + 1))" "$SITE_DIR/daemon.log" | grep -q "${SITE_READY:-ready generation=}"
}

site_daemon_stop() {
	[ "$DAEMON_PID" ] || return 0
	site_kill "$DAEMON_PID" TERM
	DAEMON_PID=''
}

site_daemon_kill() {
	[ "$DAEMON_PID" ] || return 0
	site_kill "$DAEMON_PID" KILL
	DAEMON_PID=''
}

site_daemon_hang() { kill -STOP "$DAEMON_PID" && site_wait 'the daemon to hang' site_daemon_hangs; }
site_daemon_hangs() { ! grep -qs '^State:.*[RSD] (' /proc/"$DAEMON_PID"/task/*/status; }
site_daemon_wake() { kill -CONT "$DAEMON_PID"; }

ringfence() { # COMMAND [ARG]...: the operator's program, beside the daemon
	in_ns fw "$SITE_BUILD/ringfence" "$1" --data "$RINGFENCE_DATA" --run "$SITE_DIR/run" --state "$SITE_DIR/state" "${@:2}"
}

# No table of ours in the firewall; the daemon must be gone.
site_tables_remove() {
	local t
	for t in 'inet ringfence' 'netdev ringfence' 'bridge ringfence'; do
		in_ns fw nft delete table $t 2>/dev/null
	done
	return 0
}
