#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The golden events against the public schema of ECS, and a changed one to see that the checker sees.
# SCHEMAS: the directory with ecs-9.4.0-fields.tsv, which is not part of the project.
cd "$(dirname "$0")/events" || exit 2
table=${SCHEMAS:-/work/shared/schemas}/ecs-9.4.0-fields.tsv
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
result() { [ "$1" = 0 ] && echo "ok $2" || { echo "not ok $2"; status=1; sed 's/^/# /' "$work/out"; }; }
status=0
if [ ! -r "$table" ]; then
	echo "ok 1 - golden events are ECS # SKIP no $table"
	exit 0
fi
python3 ecs_check.py "$table" ecs.txt syslog-ecs.txt >"$work/out" 2>&1
result $? "1 - golden events are ECS"
n=2
for fault in 's/"port":445/"port":"445"/' 's/"mac":"44-19/"mac":"44:19/' 's/"category":\["network"\]/"category":"network"/' \
	's/"type":\["connection"/"type":["connexion"/' 's/"direction":"internal"/"direction":"sideways"/' \
	's/"observer":{/"observer":{"colour":"red",/' 's/"kind":"alert"/"kind":"alarm"/' 's/"iana_number":"6"/"iana_number":6/'; do
	sed "$fault" ecs.txt >"$work/changed"
	! cmp -s ecs.txt "$work/changed" && ! python3 ecs_check.py "$table" "$work/changed" >"$work/out" 2>&1
	result $? "$n - the checker sees $fault"
	n=$((n + 1))
done
echo "1..$((n - 1))"
exit $status
