# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scenarios of attacks share.  Sourced after probe.sh and policy.sh; ATTACK_RULES are what their policy has besides.

reload() { # [POLICY_WRITE ARGUMENT]...
	policy_write "$@" && ringfence reload
}

a_passes() { # NAME: the guard is up and A's traffic flows
	call enforced site_learn axis clock udp 123
	probe pass "$1" axis vms udp 50000 n=20
	barrier
}

# What was declared, without the daemon and with it.
attacks_run() { # [PORT]...: further ones to listen to
	local d
	site_servers "$@"
	site_control
	[ "${SITE_ONLY:-}" != control ] || site_done
	policy_write "${ATTACK_RULES[@]}"
	truth 'the daemon starts' site_daemon_start
	for d in axis axis2 prec; do site_learn $d clock udp 123; done
	site_enforced
	site_done
}
