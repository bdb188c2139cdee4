#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The main job, to look at: a site of network namespaces, ringfenced on rules/policy.yaml, ringfence-ship towards a
# real syslog receiver, and everybody trying what they would try.  Prints who tried what, what was expected and what was
# seen, then the events as the receiver has them and `ringfence status`.  Exit status 1 when anything differs.
# Everything is in namespaces that vanish with this script, also when it is interrupted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${DEMO_INSIDE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "make demo needs root: it makes network namespaces" >&2; exit 2; }
	# A mount and a process namespace of our own: whatever happens, the kernel cleans up behind us.
	DEMO_INSIDE=1 exec unshare --mount --pid --fork --kill-child=KILL --mount-proc bash -c '
		mkdir -p /run/netns && mount -t tmpfs netns /run/netns && exec bash "$1"' demo "$here/run.sh"
fi
. "$here/../netns/site.sh"
. "$here/../netns/receiver.sh"

[ -t 1 ] && bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m' || bold='' red='' plain=''
differs=0 events=

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
row() { printf '%-22s %-28s %-30s %-9s %s\n' "$@"; }

die() {
	echo "make demo: $*" >&2
	[ ! -s "$SITE_DIR/daemon.log" ] || tail -n 20 "$SITE_DIR/daemon.log" >&2
	exit 2
}

# try WHO WHOM WHAT EXPECTED COMMAND…: what does the one who opens see?
try() {
	local who=$1 whom=$2 what=$3 expected=$4 seen mark=''
	shift 4
	if "$@" >"$SITE_DIR/try.log" 2>&1; then seen=reached; else seen=blocked; fi
	[ "$seen" = "$expected" ] || { mark=" ${red}<-- differs$plain"; differs=$((differs + 1)); }
	row "$who" "$whom" "$what" "$expected" "$seen$mark"
}

tcp() { in_ns "$1" "$NETPROBE" connect "$2" "$3" --timeout-ms 1500; }
udp() { in_ns "$1" "$NETPROBE" connect "$2" "$3" --udp --timeout-ms 1500; }
video() { in_ns "$1" "$NETPROBE" rtsp-pull "$2" 554 --rtp "$3" --packets 20 --timeout-ms 3000; }

shipper_start() {
	receiver_ship_conf 514
	in_ns_bg fw "$SITE_DIR/ship.log" "$SITE_BUILD/ringfence-ship" --config "$SITE_DIR/ship.conf"
}

site_start() {
	site_up demo
	for h in fw $SITE_HOSTS; do
		in_ns_bg "$h" "$SITE_DIR/serve.$h" "$NETPROBE" serve tcp:22 tcp:80 tcp:443 tcp:445 tcp:8000 udp:53 udp:123
	done
	for h in hik dah unk axis axis2 prec; do
		in_ns_bg $h "$SITE_DIR/camera.$h" "$NETPROBE" rtsp-camera 554
	done
	for h in fw $SITE_HOSTS; do
		site_wait_line "$SITE_DIR/serve.$h" '^ready' || die "the servers of $h"
	done
	sed "s/\bcam0\b/$CAM0/g; s/\bcam1\b/$CAM1/g; s/00:0e:22:00:60:01/${MAC[rrec]}/" "$SITE_TOP/rules/policy.yaml" >"$SITE_DIR/policy.yaml"
	receiver_start 514 || die 'rsyslogd does not start'
	site_daemon_start || die 'ringfenced does not start'
	shipper_start
}

# A camera is let through as soon as its address is verified: moments after it first spoke.
met() {
	in_ns "$1" "$NETPROBE" connect "${IP4[clock]}" 123 --udp --timeout-ms 500 &&
		in_ns "$1" "$NETPROBE" connect "${IP6[clock]}" 123 --udp --timeout-ms 500
}

attempts() {
	local f
	for f in axis axis2 prec; do site_wait "$f to be verified" met $f >/dev/null 2>&1; done
	row WHO 'TO WHOM' WHAT EXPECTED SEEN
	row --- ------- ---- -------- ----
	for f in 4 6; do
		eval "a() { echo \"\${IP$f[\$1]}\"; }"
		try 'Hikvision camera' 'core: a desk' "tcp/445 IPv$f" blocked tcp hik "$(a desk)" 445
		try 'Hikvision camera' 'outside' "tcp/443 IPv$f" blocked tcp hik "$(a out)" 443
		try 'Hikvision camera' 'core: the clock' "udp/123 IPv$f" blocked udp hik "$(a clock)" 123
		try 'Dahua camera' 'outside' "udp/53 IPv$f" blocked udp dah "$(a out)" 53
		try 'unknown device' 'core: file server' "tcp/445 IPv$f" blocked tcp unk "$(a files)" 445
		try 'VMS' 'Hikvision camera' "video tcp/554 IPv$f" blocked tcp vms "$(a hik)" 554
		try 'outside' 'Dahua camera' "tcp/80 IPv$f" blocked tcp out "$(a dah)" 80
		try 'firewall' 'Hikvision camera' "tcp/80 IPv$f" blocked tcp fw "$(a hik)" 80
		try 'Axis camera' 'core: the clock' "udp/123 IPv$f" reached udp axis "$(a clock)" 123
		try 'Axis camera' 'core: a desk' "tcp/445 IPv$f" blocked tcp axis "$(a desk)" 445
		try 'Axis camera' 'outside' "tcp/443 IPv$f" blocked tcp axis "$(a out)" 443
		try 'VMS' 'Axis camera' "video and RTP IPv$f" reached video vms "$(a axis)" $((52000 + f))
		try 'a desk' 'Axis camera' "tcp/80 IPv$f" blocked tcp desk "$(a axis)" 80
		try 'restricted recorder' 'Hikvision camera, same zone' "video and RTP IPv$f" reached video rrec "$(a hik)" $((51000 + f))
		try 'restricted recorder' 'core: file server' "tcp/445 IPv$f" blocked tcp rrec "$(a files)" 445
		try 'a desk' 'outside' "tcp/443 IPv$f" reached tcp desk "$(a out)" 443
	done
	try 'Hikvision camera' 'the firewall itself' 'tcp/22' blocked tcp hik "${GATE4[cam0]%/*}" 22
	try 'a desk, by exception' 'restricted recorder' 'tcp/8000' reached tcp desk "${IP4[rrec]}" 8000
}

# The receiver has everything that the store has, in order and without a gap.
delivered() {
	local want have
	want=$(ringfence events --state "$SITE_DIR/state" --last 1 --format ecs 2>/dev/null | grep -o '"sequence":[0-9]*' | tr -dc 0-9)
	have=$(grep -o 'sequenceId="[0-9]*"' "$SITE_DIR/siem.log" 2>/dev/null | tail -n 1 | tr -dc 0-9)
	[ "$want" ] && [ "${have:-0}" -ge "$want" ]
}

site_start
say 'Attempts'
attempts
say 'Events, as the syslog receiver has them'
site_wait 'the receiver to have every event' delivered || differs=$((differs + 1))
grep -o 'rule="[^"]*"' "$SITE_DIR/siem.log" | sort | uniq -c | sort -rn | head -n 12
echo
grep 'blocked' "$SITE_DIR/siem.log" | head -n 3
say 'ringfence events'
ringfence events --state "$SITE_DIR/state" --last 15
say 'ringfence status'
ringfence status || differs=$((differs + 1))
say "$([ $differs = 0 ] && echo 'Everything was as expected.' || echo "$differs differ from what was expected.")"
[ $differs = 0 ]
