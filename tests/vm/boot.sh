#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The virtual machine itself: boots, has what the build machine's kernel lacks, hands back the
# command's output and exit status, dies at its hard timeout, and leaves nothing on the host.
set -u
cd "$(dirname "$0")" || exit 2

n=0 failed=0
is() { # NAME GOT WANTED
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n# got:    %s\n# wanted: %s\n' "$n" "$1" "$2" "$3"
	fi
}

mine=$(mktemp -d "${TMPDIR:-/tmp}/ringfence-boot.XXXXXX") || exit 2
trap 'rm -rf "$mine"' EXIT
export TMPDIR=$mine

features='
set -e
ip netns add a
ip link add trunk type veth peer name trunk netns a
ip link add link trunk name trunk.20 type vlan id 20
printf "table inet t {\n chain c { type filter hook forward priority 0;\n queue num 3\n }\n}\n" | nft -f -
printf "table netdev t {\n chain e { type filter hook egress device trunk priority 0;\n }\n}\n" | nft -f -
printf "table inet f {\n flowtable f { hook ingress priority 0; devices = { trunk }; }\n}\n" | nft -f -
printf "table bridge b {\n chain c { type filter hook forward priority 0;\n ct state new accept\n }\n}\n" | nft -f -
ls -d /sys/module/nfnetlink_queue >/dev/null
'
is 'VLAN devices, native queue, egress, flowtable and bridge conntrack' \
	"$(./run.sh -t 300 bash -c "$features echo good" 2>&1)" good
./run.sh -t 300 bash -c 'exit 7' >/dev/null 2>&1
is "the command's exit status is ours" $? 7
is 'what the machine writes stays in it' \
	"$(./run.sh -t 300 bash -c "echo x >/usr/$(basename "$mine") && echo written" 2>&1; ls "/usr/$(basename "$mine")" 2>/dev/null)" written
./run.sh -t 12 sleep 1000 >/dev/null 2>&1
is 'a command that hangs is killed at the timeout' $? 124
./run.sh -t 300 bash -c 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1
is 'a machine that panics is a failure' $? 125
./run.sh -t 300 sleep 1000 >/dev/null 2>&1 &
run=$!
until pgrep -f "^qemu-system-x86_64.*$mine" >/dev/null; do sleep 0.1; done
kill -TERM $run
wait $run
is 'TERM ends it' $? 143
is 'no process of ours is left' "$(pgrep -fa "^[^ ]*qemu-system.*$mine")" ''
is 'no file of ours is left' "$(ls -A "$mine")" ''
echo "1..$n"
echo "$((n - failed)) passed, $failed failed"
[ $failed = 0 ]
