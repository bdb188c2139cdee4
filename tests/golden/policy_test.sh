#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Policies and what the loader says of them: case.yaml -> case.err (diagnostics) and, where it loads, case.policy (canonical,
# which is loaded again and compared field by field).  UPDATE=1 writes what is there now.
#   policy/good       load, perhaps with warnings
#   policy/yaml       are no YAML, or YAML that is not read
#   policy/structure  are refused by tables (and by the schema: schema_test.sh)
#   policy/meaning    are refused by what they say
set -u
cd "$(dirname "$0")/../.." || exit 2
tool=$PWD/${O:-build/plain}/loadpolicy
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
n=0 bad=0

# one NAME WANTED-STATUS: in the case's directory, so that places read case.yaml:3:7
one() {
	local name=$1 wanted=$2 ok=1 status out
	"$tool" --data ../data --now 2026-11-22T12:00:00Z "$name.yaml" >"$work/policy" 2>"$work/err" </dev/null
	status=$?
	[ "$status" = "$wanted" ] || { ok=; echo "# exit status $status, not $wanted"; tail -n 3 "$work/err" | sed 's/^/# /'; }
	for out in err policy; do
		if [ -n "${UPDATE:-}" ]; then
			if [ -s "$work/$out" ]; then cp "$work/$out" "$name.$out"; else rm -f "$name.$out"; fi
		elif [ -s "$work/$out" ] || [ -e "$name.$out" ]; then
			diff -u "$name.$out" "$work/$out" >"$work/diff" 2>&1 || { ok=; sed 's/^/# /' "$work/diff"; }
		fi
	done
	n=$((n + 1))
	if [ -n "$ok" ]; then echo "ok $n - $dir/$name"; else bad=$((bad + 1)); echo "not ok $n - $dir/$name"; fi
}

for dir in good yaml structure meaning; do
	cd "$PWD/tests/golden/policy/$dir" || exit 2
	for file in *.yaml; do
		one "${file%.yaml}" "$([ $dir = good ] && echo 0 || echo 1)"
	done
	cd ../../../.. || exit 2
done
# What is shipped loads with the shipped makers, packs and registry, without a warning.
for file in rules/*.yaml; do
	n=$((n + 1))
	if "$tool" --data rules --now 2026-11-22T12:00:00Z "$file" >/dev/null 2>"$work/err" && [ ! -s "$work/err" ]; then
		echo "ok $n - $file"
	else
		bad=$((bad + 1))
		sed 's/^/# /' "$work/err"
		echo "not ok $n - $file"
	fi
done
echo "1..$n"
[ "$bad" = 0 ]
