#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The README's steps 5 to 7 with the built package on a real systemd, in two boots of one machine; then the
# package is installed again, removed and purged.  The programs are those of the package, the machine is the
# firewall: a restricted camera behind cam0, a permitted one behind cam1, a desk behind core0.
set -u
cd "$(dirname "$0")/../.." || exit 2
O=${O:-build/plain}
if [ "${1:-}" != inside ]; then
	command -v dpkg-buildpackage >/dev/null && dpkg -s debhelper >/dev/null 2>&1 || { echo 'debhelper is not installed: make deps'; exit 77; }
	deb=$(ls build/deb/ringfence_*.deb 2>/dev/null)
	if [ -z "$deb" ] || [ "$deb" -ot "$O/ringfenced" ]; then
		make --no-print-directory deb >build/deb.log 2>&1 || { tail -n 20 build/deb.log; echo 'not ok - make deb'; exit 1; }
	fi
	exec tests/vm/run.sh -s -c "${CPUS:-1}" -v -t "${TIMEOUT:-900}" -e O="$O" -- tests/vm/systemd.sh inside
fi

exec </dev/null
netprobe=$PWD/$O/netprobe deb=$(ls "$PWD"/build/deb/ringfence_*.deb)
n=0 failed=0 said=/run/said
mkdir -p /var/lib/vm
read -r n failed 2>/dev/null </var/lib/vm/count

is() { # NAME COMMAND...: what it says stays in $said
	local name=$1
	shift
	n=$((n + 1))
	said=/run/said
	[ "$1" != says ] || said=/run/answer
	if "$@" >$said 2>&1; then
		echo "ok $n - systemd: $name"
	else
		failed=$((failed + 1))
		echo "not ok $n - systemd: $name"
		tail -n 15 $said | sed 's/^/# /'
	fi
}
not() { ! "$@"; }
says() { # PATTERN [FILE]: default: what the last command that was no such question said
	grep -- "$1" "${2:-/run/said}" || { cat "${2:-/run/said}"; return 1; }
}
soon() { # COMMAND...
	local end=$((SECONDS + 90))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { "$@"; return 1; }
		sleep 0.3
	done
}
prop() { systemctl show -P "$1" "${2:-ringfenced}"; }
equal() { [ "$1" = "$2" ] || { echo "got $1, wanted $2"; return 1; }; }
reach() { ip netns exec "$1" "$netprobe" connect "$2" "$3" --timeout-ms "${4:-3000}"; } # FROM ADDRESS PORT
blocked() { not reach "$@" 2000; }
table() { nft list table inet ringfence; }
journal() { journalctl -b --no-pager -o cat "$@"; }

# The site's network is a unit of its own, behind network-pre.target as any other.
network_unit() {
	cat >/usr/local/sbin/site-network <<-'NET'
		set -e
		while read -r host dev mac gate addr; do
			ip netns add $host
			ip link add $dev type veth peer name eth0 netns $host address $mac
			ip addr add $gate dev $dev; ip link set $dev up
			ip -n $host addr add $addr dev eth0; ip -n $host link set eth0 up
			ip -n $host route add default via ${gate%/*}
		done <<-TABLE
			hik  cam0  44:19:b6:00:10:01 10.20.0.1/24 10.20.0.11/24
			axis cam1  ac:cc:8e:00:30:01 10.20.1.1/24 10.20.1.13/24
			desk core0 52:54:00:01:07:09 10.1.7.1/24  10.1.7.9/24
		TABLE
		echo 1 >/proc/sys/net/ipv4/ip_forward
	NET
	cat >/etc/systemd/system/site-network.service <<-UNIT
		[Unit]
		Wants=network-pre.target
		After=network-pre.target
		Before=network.target
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/bin/bash /usr/local/sbin/site-network
		[Install]
		WantedBy=multi-user.target
	UNIT
	# What the kernel has between the lock and the daemon, at the next boot.
	cat >/etc/systemd/system/site-seen.service <<-UNIT
		[Unit]
		DefaultDependencies=no
		After=ringfence-lock.service
		Before=ringfenced.service network-pre.target
		[Service]
		Type=oneshot
		StandardOutput=file:/run/seen
		ExecStart=/usr/sbin/nft list table inet ringfence
		[Install]
		WantedBy=multi-user.target
	UNIT
	systemctl daemon-reload
	systemctl enable site-network site-seen && systemctl start site-network
}

servers() {
	local h
	for h in hik axis desk; do
		ip netns exec $h "$netprobe" serve tcp:443 tcp:445 tcp:514 >/run/serve.$h 2>&1 &
	done
	for h in hik axis desk; do soon grep -q ready /run/serve.$h; done
}

install_idle() {
	rm -f /var/lib/man-db/auto-update
	is 'a network' network_unit
	servers
	is 'the camera reaches a desk' reach hik 10.1.7.9 445
	is 'the package is installed' dpkg -i "$deb"
	is 'it says that it is idle' says 'installed and idle'
	is 'no table' equal "$(nft list tables)" ''
	is 'nothing runs' equal "$(systemctl is-active ringfenced ringfence-lock ringfence-ship | sort -u)" inactive
	is 'nothing failed' equal "$(systemctl is-failed ringfenced ringfence-lock ringfence-ship | sort -u)" inactive
	is 'the camera still reaches a desk' reach hik 10.1.7.9 445
}

begin() {
	is 'the other camera reaches it' reach axis 10.1.7.9 445
	is 'init' ringfence init
	is 'it has seen them' says '2 devices seen\|3 devices seen'
	is 'in observe' says '^mode: observe' /etc/ringfence/policy.yaml
	is 'the cameras are behind guarded interfaces' equal "$(grep -c 'cam[01].*guarded: true' /etc/ringfence/policy.yaml)" 2
	is 'check' ringfence check
	is 'test' ringfence test
	is 'enable --now' systemctl enable --now ringfence-lock ringfenced ringfence-ship
	[ "$(systemctl is-active ringfenced)" = active ] || journal -n 40 -u ringfenced | sed 's/^/# /'
	is 'the daemon is active' equal "$(systemctl is-active ringfenced)" active
	is 'the lock is done' equal "$(prop Result ringfence-lock) $(prop ActiveState ringfence-lock)" 'success active'
	is 'no shipper without its configuration' equal "$(systemctl is-active ringfence-ship)" inactive
	is 'the modules are loaded' ls -d /sys/module/nfnetlink_queue /sys/module/nft_queue
	is 'the sysctls are set' equal "$(cat /proc/sys/net/netfilter/nf_conntrack_{acct,tcp_be_liberal} | tr -d '\n')" 11
	is 'status' ringfence status
	is 'which is good' says '^state *ok'
	is 'the table is there' table
	is 'in observe the camera reaches the desk' reach hik 10.1.7.9 445
	is 'and an event says what enforcing would do' soon eval "ringfence events --kind would_block | grep 10.1.7.9"
}

confined() {
	local pid
	pid=$(prop MainPID)
	is 'Type=notify, a watchdog' equal "$(prop Type) $(prop WatchdogUSec) $(prop NotifyAccess)" 'notify 15s main'
	is 'its user' equal "$(stat -c %U:%G /proc/$pid)" ringfence:ringfence
	is 'CAP_NET_ADMIN alone' equal "$(grep -hE 'Cap(Eff|Prm|Inh|Amb)' /proc/$pid/status | cut -f2 | sort -u | tr '\n' ' ')" \
		'0000000000000000 0000000000001000 '
	is 'no new privileges, system calls filtered' equal "$(grep -hE '^(NoNewPrivs|Seccomp):' /proc/$pid/status | cut -f2 | tr -d '\n')" 12
	is 'the policy is not for everybody' equal "$(stat -c '%a %G' /etc/ringfence/policy.yaml)" '640 ringfence'
	systemd-analyze security ringfenced ringfence-ship ringfence-lock >/run/security 2>&1
	for u in ringfenced ringfence-ship ringfence-lock; do
		systemd-analyze security $u --no-pager 2>/dev/null | sed -n "s/.*Overall exposure level for/# exposure of/p"
		is "$u is confined" systemd-analyze security --threshold=${LIMIT[$u]} $u
	done
}
declare -A LIMIT=([ringfenced]=35 [ringfence-ship]=25 [ringfence-lock]=50)

enforce() {
	sed -i 's/^mode: observe/mode: enforce/' /etc/ringfence/policy.yaml
	sed -i 's,^rules: \[\],hosts:\n  desk: { networks: [10.1.7.9] }\nrules:\n  - { id: out\, from: zone-cam1\, to: desk\, services: [tcp/445]\, action: allow },' \
		/etc/ringfence/policy.yaml
	is 'the policy that enforces' ringfence check
	is 'reload --confirm' ringfence reload --confirm 60s
	is 'the camera does not reach the desk' blocked hik 10.1.7.9 445
	is 'the desk does not reach the camera' blocked desk 10.20.0.11 443
	is 'the permitted camera does' soon reach axis 10.1.7.9 445
	is 'confirmed' ringfence reload confirm
	is 'an event says so' soon eval "ringfence events --kind blocked | grep 10.1.7.9"
}

ship() {
	cat >/etc/ringfence/ship.conf <<-'CONF'
		[sink siem]
		type = syslog
		host = 10.1.7.9
		port = 514
		format = sd

		[sink file]
		type = file
		path = /var/lib/ringfence-ship/events.ecs
		format = ecs
	CONF
	is 'the shipper starts' systemctl restart ringfence-ship
	is 'it delivers' soon grep -q blocked /var/lib/ringfence-ship/events.ecs
	is 'without any privilege' equal "$(grep -h CapEff /proc/$(prop MainPID ringfence-ship)/status | cut -f2)" 0000000000000000
}

restarts() { [ "$(prop NRestarts)" -ge "$1" ] && [ "$(systemctl is-active ringfenced)" = active ]; }

watched() {
	local began=$SECONDS
	kill -STOP "$(prop MainPID)"
	is 'hung: the camera does not pass' blocked hik 10.1.7.9 445
	is 'hung: systemd starts it again' soon restarts 1
	echo "# after $((SECONDS - began)) s"
	is 'hung: by the watchdog' eval "journal -u ringfenced -u init.scope _PID=1 | grep -i 'ringfenced.*watchdog timeout'"
	is 'then the permitted camera passes' soon reach axis 10.1.7.9 445
	kill -KILL "$(prop MainPID)"
	is 'killed: the camera does not pass' blocked hik 10.1.7.9 445
	is 'killed: systemd starts it again' soon restarts 2
	is 'stop' systemctl stop ringfenced
	is 'stopped: the table stays' table
	is 'stopped: the camera does not pass' blocked hik 10.1.7.9 445
	is 'start' systemctl start ringfenced
}

since_boot() { prop "$1" "$2"; }

booted() {
	is 'boot: the network is up' systemctl is-active site-network
	servers
	is 'boot: no unit failed' not eval "systemctl --failed --no-legend --plain | grep -E 'ringfence|site'"
	is 'boot: the lock said so' eval "journal -u ringfence-lock | grep '^locked'"
	is 'boot: before the daemon the table was closed' says 'gen.*closed' /run/seen
	is 'boot: the lock was done before the network began' test \
		"$(prop ExecMainExitTimestampMonotonic ringfence-lock)" -lt "$(prop ExecMainStartTimestampMonotonic site-network)"
	is 'boot: so was the daemon' test \
		"$(prop ActiveEnterTimestampMonotonic)" -lt "$(prop ExecMainStartTimestampMonotonic site-network)"
	is 'boot: it is active' equal "$(systemctl is-active ringfenced)" active
	is 'boot: the shipper is active' soon systemctl is-active ringfence-ship
	is 'boot: the camera does not pass' blocked hik 10.1.7.9 445
	is 'boot: the permitted one does' soon reach axis 10.1.7.9 445
	is 'boot: status' soon eval "ringfence status | grep '^state *ok'"
	is 'boot: the events are whole' ringfence events verify
	is 'boot: those of the first boot are there' eval "ringfence events --kind would_block | grep 10.1.7.9"
}

leave() {
	local pid
	pid=$(prop MainPID)
	is 'installed again, as an upgrade' dpkg -i "$deb"
	is 'another daemon runs' soon eval "[ \$(prop MainPID) != $pid ] && systemctl is-active ringfenced"
	is 'the camera does not pass' blocked hik 10.1.7.9 445
	is 'removed' dpkg -r ringfence
	is 'it says that the table stays' says 'stays in the kernel'
	is 'no daemon' equal "$(systemctl is-active ringfenced)" inactive
	is 'the camera still does not pass' blocked hik 10.1.7.9 445
	is 'purged' dpkg -P ringfence
	is 'it says that nothing is filtered' says 'nothing is filtered any more'
	is 'no table' equal "$(nft list tables)" ''
	is 'the camera reaches the desk' reach hik 10.1.7.9 445
	is 'nothing of it is left' not ls -d /var/lib/ringfence /var/lib/ringfence-ship /usr/sbin/ringfenced
}

if [ ! -e /var/lib/vm/count ]; then
	echo "# boot 1"
	install_idle
	begin
	confined
	enforce
	ship
	watched
	echo "$n $failed" >/var/lib/vm/count
	sync
	touch /run/vm/again
else
	echo "# boot 2"
	booted
	leave
	echo "1..$n"
	echo "$((n - failed)) passed, $failed failed"
fi
kill $(jobs -p) 2>/dev/null
[ $failed = 0 ]
