#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A policy on trial: it goes back by itself when nobody confirms it, also when the operator's own way in
# is cut or the program that asked is killed; confirmed it stays; a second reload meanwhile is refused and
# disturbs nothing.  A daemon that starts meanwhile has the last confirmed one.  A policy that fails its
# own tests, or cannot be read, changes nothing at all.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
TRIAL=${TRIAL:-3}
[ -z "${RINGFENCE_VM:-}" ] || TRIAL=20
ONE_PORT='- { id: one-port, from: cctv, to: vms, services: [udp/5001], action: allow }'
ADMIN='- { id: admin, from: vms, to: cctv, services: [udp/53], action: allow }'
WRONG='- { name: wrong, from: { mac: "44:19:b6:01:02:03", address: 10.20.4.7, zone: cctv }, to: 10.1.7.9, service: tcp/445, expect: allow }'

# The new policy is told from the old by two flows: it permits one-port, and takes the clock away.
probe pass 'what only the new policy permits' axis vms udp 5001 n=5
probe pass 'what only the old policy permits' axis clock udp 123 n=5
probe pass "the operator's way in" vms axis udp 53 n=5
probe drop 'what neither permits' hik vms udp 5001 n=5
barrier

on_trial() { status_is on_trial true; }
off_trial() { status_is on_trial false; }
old_policy() { policy_write revision=old +rules "$ADMIN"; }
new_policy() { policy_write revision=new +rules "$ONE_PORT" +rules "$ADMIN" -clock; }

in_force() { # old|new NAME: by what passes
	local new=drop old=pass
	[ "$1" = old ] || new=pass old=drop
	ITEMS=()
	probe $new "$2: what only the new policy permits" axis vms udp 5001 n=5
	probe $old "$2: what only the old policy permits" axis clock udp 123 n=5
	probe drop "$2: what neither permits" hik vms udp 5001 n=5
	site_run enforced
	is "$2: the policy in force" "$(status_word revision)" "$1"
}

unconfirmed() {
	local seq
	old_policy && ringfence reload >/dev/null
	in_force old 'before'
	seq=$(last_seq)
	new_policy
	truth 'a policy on trial' ringfence reload --confirm "${TRIAL}s"
	truth 'status says so' on_trial
	in_force new 'on trial'
	truth 'the trial ends' site_wait 'the end of the trial' off_trial
	in_force old 'not confirmed'
	truth 'an event says that it went back' told_soon "$seq" policy_loaded 'not confirmed'
	truth "the kernel's table is what it should be" ringfence verify
	is 'nothing is left to confirm' "$(ringfence reload confirm >/dev/null 2>&1; echo $?)" 1
}

confirmed() {
	new_policy
	truth 'a second policy on trial' ringfence reload --confirm "${TRIAL}s"
	truth 'confirmed' ringfence reload confirm
	truth 'the trial is over' off_trial
	sleep $((TRIAL + 2))
	in_force new 'confirmed, and the time is over'
}

# An answer in lines is an object with --json: ok, and the lines, one of which says this.
says_as_json() { # WORDS COMMAND...
	ringfence "${@:2}" --json |
		python3 -c 'import json, sys; sys.exit(not any(sys.argv[1] in l for l in json.load(sys.stdin)["lines"]))' "$1"
}

cancelled() {
	old_policy
	truth 'back to the old one, on trial' ringfence reload --confirm 60s
	in_force old 'on trial'
	truth 'cancelled' ringfence reload cancel
	in_force new 'cancelled'
	truth 'nothing is left to cancel, as JSON' says_as_json 'no policy is on trial' reload cancel
	truth 'the table is the program, as JSON' says_as_json 'what it should be' verify
}

# The new policy forbids the flow by which the operator is connected: whoever asked is cut off and killed.
cut_off() {
	old_policy && ringfence reload >/dev/null
	policy_write revision=new +rules "$ONE_PORT" -clock
	nsenter --net="/run/netns/$(site_ns fw)" -- "$SITE_BUILD/ringfence" reload --run "$SITE_DIR/run" \
		--confirm "${TRIAL}s" >"$SITE_DIR/cut" 2>&1 &
	SITE_LAST=$!
	site_wait 'the trial to begin' on_trial
	site_kill "$SITE_LAST" KILL
	ITEMS=()
	probe drop "cut off: the operator's way in" vms axis udp 53 n=5
	site_run enforced
	truth 'cut off: the trial ends' site_wait 'the end of the trial' off_trial
	ITEMS=()
	probe pass "cut off: the operator's way in is back" vms axis udp 53 n=5
	site_run enforced
	in_force old 'cut off'
}

# A client that goes away before the answer changes nothing in how the trial ends.
gone_client() {
	new_policy
	python3 - "$SITE_DIR/run/control.sock" "$TRIAL" <<-'PY'
		import socket, struct, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		words = b"reload\0" + sys.argv[2].encode() + b"\0"
		s.sendall(struct.pack(">I", len(words)) + words)
		s.close()
	PY
	truth 'a client that does not wait: the trial begins' site_wait 'the trial' on_trial
	truth 'a client that does not wait: the trial ends' site_wait 'the end of the trial' off_trial
	in_force old 'a client that did not wait'
}

second_reload() {
	local before seq
	new_policy
	seq=$(last_seq)
	truth 'a trial' ringfence reload --confirm "${TRIAL}s"
	before=$(fingerprint)
	policy_write revision=third
	ringfence reload --confirm 60s >"$SITE_DIR/second" 2>&1
	is 'a second trial is refused' $? 1
	truth 'it says why' grep -q 'on trial' "$SITE_DIR/second"
	ringfence reload >"$SITE_DIR/second" 2>&1
	is 'a reload meanwhile is refused' $? 1
	truth 'it says why' grep -q 'on trial' "$SITE_DIR/second"
	kill -HUP "$DAEMON_PID"
	truth 'so is SIGHUP' told_soon "$seq" policy_refused '"SIGHUP'
	is 'none of them changed anything' "$(fingerprint) $(status_word revision)" "$before new"
	truth 'the first trial ends as it would have' site_wait 'the end of the trial' off_trial
	in_force old 'after three reloads on trial'
	truth 'afterwards it is accepted' ringfence reload
	is 'and in force' "$(status_word revision)" third
}

# The daemon goes while a policy is on trial, HOW: killed or stopped; whoever starts next has the confirmed one.
restarted_on_trial() { # kill|stop
	local seq
	old_policy && ringfence reload >/dev/null
	new_policy
	truth "$1 on trial: the trial" ringfence reload --confirm 60s
	in_force new "$1 on trial: before"
	seq=$(last_seq)
	"site_daemon_$1"
	site_daemon_start || site_die 'the daemon does not start'
	in_force old "$1 on trial: started again"
	truth "$1 on trial: an event says so" told_soon "$seq" policy_loaded 'the last confirmed policy'
	truth "$1 on trial: status says so" status_is stands_in true
	ringfence status >"$SITE_DIR/status"
	truth "$1 on trial: and for people" grep "stands in for $SITE_DIR/policy.yaml" "$SITE_DIR/status"
	truth "$1 on trial: there is no trial" off_trial
	truth "$1 on trial: the table is what it should be" ringfence verify
}

restarts() {
	restarted_on_trial kill
	site_daemon_kill
	site_daemon_start || site_die 'the daemon does not start'
	in_force old 'killed again: the file is still what was not confirmed'
	restarted_on_trial stop
	truth 'the file is loaded when asked for' ringfence reload
	in_force new 'asked for'
	truth 'asked for: nothing stands in' status_is stands_in false
	site_daemon_kill
	site_daemon_start || site_die 'the daemon does not start'
	in_force new 'asked for, and started again'
	old_policy
	truth 'a trial that is confirmed' ringfence reload --confirm 60s
	truth 'confirmed' ringfence reload confirm
	site_daemon_kill
	site_daemon_start || site_die 'the daemon does not start'
	in_force old 'confirmed, and started again'
}

refused() { # NAME WANTED_IN_MESSAGE POLICY_WRITE ARGUMENT...
	local name=$1 pattern=$2 before seq
	shift 2
	seq=$(last_seq)
	before="$(status_word generation) $(status_word revision) $(fingerprint)"
	policy_write "$@"
	ringfence reload --confirm 60s >"$SITE_DIR/refused" 2>&1
	is "$name, on trial: refused" $? 1
	truth "$name, on trial: there is no trial" off_trial
	ringfence reload >"$SITE_DIR/refused" 2>&1
	is "$name: refused" $? 1
	truth "$name: says where" grep -E "policy\.yaml:[0-9]+.*$pattern" "$SITE_DIR/refused"
	is "$name: generation, revision and table are what they were" \
		"$(status_word generation) $(status_word revision) $(fingerprint)" "$before"
	truth "$name: an event has the reason" told_soon "$seq" policy_refused "$pattern"
}

site_up 35-confirm
site_servers
site_control
[ "${SITE_ONLY:-}" != control ] || site_done
old_policy
site_daemon_start || site_die 'the daemon does not start'
for d in axis axis2; do site_learn $d clock udp 123; done
unconfirmed
confirmed
cancelled
cut_off
gone_client
second_reload
restarts
old_policy && ringfence reload >/dev/null
refused 'failing tests' 'test failed' +tests "$WRONG" +rules "$ONE_PORT"
refused 'broken YAML' '' revision='{ ['
refused 'an unknown key' 'frm' +rules '- { id: x, frm: cctv, to: vms, services: [udp/1], action: allow }'
in_force old 'after refusals'
site_done
