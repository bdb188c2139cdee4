#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reloads: 120 of them, four a second, under load without a packet lost or let through; a flow that the
# new policy forbids is cut at its next packet, both ways; a policy that is broken, or fails its own
# tests, changes nothing; one that is not confirmed goes back by itself.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/load.sh" || exit 2
RELOADS=${RELOADS:-${RINGFENCE_VM:+24}}
RELOADS=${RELOADS:-120}
ONE_PORT='- { id: one-port, from: cctv, to: vms, services: [udp/5001], action: allow }'

probe pass 'a flow is permitted' axis vms udp 5001 sport=7300 n=10
probe pass 'with answers' vms axis udp 7300 sport=5001 n=10
probe drop 'of a restricted camera it is not' hik vms udp 5001 sport=7310
barrier
step enforced 'the new policy forbids it' reload_with
probe drop 'its next packets do not pass' axis vms udp 5001 sport=7300 n=20
probe drop 'nor do the answers' vms axis udp 7300 sport=5001 n=20
barrier
step enforced 'permitted again' reload_with +rules "$ONE_PORT"
probe pass 'it passes' axis vms udp 5001 sport=7300 n=10
probe pass 'so do the answers' vms axis udp 7300 sport=5001 n=10

reload_with() { policy_write "$@" && ringfence reload; }

reloads() {
	local i next failed=0
	next=$(date +%s%N)
	for ((i = 0; i < RELOADS; i++)); do
		if ((i % 2)); then policy_write; else policy_write +rules "$ONE_PORT"; fi
		ringfence reload >"$SITE_DIR/reload" 2>&1 || failed=$((failed + 1))
		next=$((next + 250000000))
		sleep "$(awk -v n="$next" -v now="$(date +%s%N)" 'BEGIN { t = (n - now) / 1e9; print (t > 0 ? t : 0) }')"
	done
	is "$RELOADS reloads" "$failed failed" '0 failed'
	[ $failed = 0 ] || sed 's/^/# /' "$SITE_DIR/reload"
}

# The rules of the table without what counts: the same text as long as nothing was loaded.
fingerprint() { in_ns fw nft -s -t list table inet ringfence 2>/dev/null | sed -E 's/-[ab]\b/-page/g; s/page [ab]\b/page/g' | cksum; }

refused() { # NAME POLICY_WRITE ARGUMENT...
	local name=$1 before
	shift
	before=$(fingerprint)
	policy_write "$@"
	ringfence reload >"$SITE_DIR/refused" 2>&1
	is "$name: refused" $? 1
	truth "$name: says where" grep -E 'policy\.yaml:[0-9]+' "$SITE_DIR/refused"
	is "$name: the table is what it was" "$(fingerprint)" "$before"
}

refusals() {
	ITEMS=()
	policy_write +rules "$ONE_PORT" && ringfence reload >/dev/null
	refused 'an unknown key' +rules '- { id: x, frm: cctv, to: vms, services: [udp/1], action: allow }'
	refused 'not YAML' revision='{ [' 
	refused 'a failing test' +tests '- { name: wrong, from: { mac: "44:19:b6:01:02:03", address: 10.20.4.7, zone: cctv }, to: 10.1.7.9, service: tcp/445, expect: allow }'
	probe pass 'what was permitted still is' axis vms udp 5001 sport=7310
	probe drop 'what was forbidden still is' hik vms udp 5001 sport=7310
	site_run enforced
}

# The operator locks everybody out and cannot confirm.
unconfirmed() {
	policy_write && ringfence reload >/dev/null
	policy_write -vms-pulls
	truth 'a policy on probation' ringfence reload --confirm 5s
	in_ns vms "$NETPROBE" connect "${IP4[axis]}" 443 --timeout-ms 1500 >/dev/null
	is 'is in force' "$?" 1
	site_wait 'the old policy' is_back
	is 'goes back by itself' "$?" 0
}

is_back() { in_ns vms "$NETPROBE" connect "${IP4[axis]}" 443 --timeout-ms 1000 >/dev/null; }

# Frames of MPLS would be sent on beside the table: from the moment that the kernel takes such.
fenced() { in_ns fw nft list table netdev ringfence 2>/dev/null | grep -q "hook ingress device \"$CAM1\""; }
not_fenced() { ! fenced; }
further_protocol() {
	if ! modprobe -n mpls_router 2>/dev/null || grep -q mpls /proc/net/ptype; then
		skip 'a kernel that learns MPLS' 'no module mpls_router that could be loaded'
		return
	fi
	truth 'without MPLS there is no ingress fence' not_fenced
	truth 'the kernel learns MPLS' modprobe mpls_router
	truth 'and frames of it are fenced off' site_wait 'the fence' fenced
	truth 'the table is what it should be' ringfence verify
	truth 'the kernel unlearns MPLS' rmmod mpls_router
	truth 'the table is what it should be again' ringfence verify
}

site_up 30-reload
site_servers
load_start
sleep 2
load_stop 'control' all
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write +rules "$ONE_PORT"
truth 'the daemon starts' site_daemon_start
for d in axis axis2 prec; do site_learn $d clock udp 123; done
site_enforced
load_start
reloads
load_stop 'under reloads'
refusals
unconfirmed
further_protocol
site_done
