#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon is killed, hung, stopped and started under load: permitted flows lose nothing, new ones of
# known devices among them (32-static has more of these), nothing forbidden passes.  With the closed table and no daemon nothing passes.  A zone
# in observe loses nothing in any of these.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/load.sh" || exit 2

# New means ports that no flow had before.
NEW_PORT=20000
new_flows() { # EXPECT NAME EXPECT-FORBIDDEN: 20 new flows of A, 20 of R and 20 to R
	ITEMS=()
	NEW_PORT=$((NEW_PORT + 100))
	probe "$1" "$2: new flows of A" axis vms udp 50310 n=20 sport=$NEW_PORT --flows 20
	probe "$3" "$2: new flows of R" hik desk udp 53 n=20 sport=$NEW_PORT --flows 20
	probe "$3" "$2: new flows to R" vms hik tcp-syn 443 n=20 sport=$NEW_PORT --flows 20
	probe "$3" "$2: unknown devices" unk desk udp 53 n=20
	probe "$3" "$2: A where it may not" axis desk udp 53 n=20
	probe pass "$2: nobody's business" desk out udp 53 n=20
	site_run enforced
}

killed_and_back() {
	load_start
	kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	DAEMON_PID=
	new_flows pass 'killed' drop
	truth 'started again' site_daemon_start
	site_learn axis clock udp 123
	new_flows pass 'started again' drop
	load_stop 'killed and started again'
}

hung() {
	load_start
	site_daemon_hang
	# What hangs in the queue is not lost yet: it must not have passed.
	local token
	printf -v token %08x%08x $SRANDOM $SRANDOM
	in_ns hik "$NETPROBE" send -i eth0 --dmac "${GATE_MAC[cam0]}" --src "${IP4[hik]}" --dst "${IP4[desk]}" --proto udp \
		--sport 1000 --dport 53 --flows 20 --count 20 --token "$token" >/dev/null
	sleep 1
	is 'hung: nothing of R passes' "$(count_of desk "$token")" 0
	site_daemon_wake
	site_settle
	is 'awake: nothing of R has passed' "$(count_of desk "$token")" 0
	new_flows pass 'awake' drop
	load_stop 'hung and awake'
}

stopped() {
	load_start
	site_daemon_stop
	new_flows pass 'stopped' drop
	truth 'started after a stop' site_daemon_start
	site_learn axis clock udp 123
	load_stop 'stopped and started'
}

locked() {
	site_daemon_stop
	site_tables_remove
	truth 'the closed table' ringfence lock -p "$SITE_DIR/policy.yaml"
	new_flows drop 'closed, without a daemon' drop
	truth 'started on the closed table' site_daemon_start
	site_learn axis clock udp 123
	new_flows pass 'after the closed table' drop
}

observed() {
	policy_write mode=observe
	site_daemon_stop
	site_tables_remove
	truth 'the daemon observes' site_daemon_start
	load_start
	new_flows pass 'observed' pass
	site_daemon_hang
	new_flows pass 'observed, hung' pass
	site_daemon_wake
	site_daemon_kill
	new_flows pass 'observed, killed' pass
	truth 'the observer is back' site_daemon_start
	ringfence reload >/dev/null
	new_flows pass 'observed, reloaded' pass
	site_daemon_stop
	new_flows pass 'observed, stopped' pass
	load_stop 'observed' all
	site_tables_remove
	truth 'no closed table where nothing enforces' ringfence lock -p "$SITE_DIR/policy.yaml"
	new_flows pass 'observed, locked' pass
}

site_up 31-kill
site_servers
load_start
sleep 2
load_stop 'control' all
SITE_PHASE=control
ITEMS=()
probe pass 'new flows of A' axis vms udp 50310 n=20 --flows 20
probe pass 'new flows of R' hik desk udp 53 n=20 --flows 20
probe pass 'new flows to R' vms hik tcp-syn 443 n=20 --flows 20
probe pass 'unknown devices' unk desk udp 53 n=20
probe pass 'A where it may not' axis desk udp 53 n=20
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123; done
killed_and_back
hung
stopped
locked
observed
site_done
