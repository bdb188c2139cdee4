#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package: built, unpacked below a directory, and its scripts run in a network namespace of their own.  Nothing is
# installed on this machine.
set -u
cd "$(dirname "$0")/../.." || exit 2
n=0 failed=0
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

is() { # NAME COMMAND…
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $n - $name"
	else
		failed=$((failed + 1))
		echo "not ok $n - $name"
		sed 's/^/# /' "$dir/out" | tail -n 20
	fi
}
says() { grep -q -- "$1" "$dir/said"; }
not() { ! "$@"; }

command -v dpkg-buildpackage >/dev/null && dpkg -s debhelper >/dev/null 2>&1 || { echo 'debhelper is not installed: make deps'; exit 77; }
[ "$(id -u)" = 0 ] || { echo 'needs root, for namespaces'; exit 77; }
make --no-print-directory deb >"$dir/build.log" 2>&1 || { tail -n 30 "$dir/build.log"; echo 'not ok 1 - make deb'; exit 1; }
deb=$(ls build/deb/ringfence_*.deb)
root=$dir/root
dpkg-deb -x "$deb" "$root" && dpkg-deb -e "$deb" "$dir/control"
export RINGFENCE_DATA=$root/usr/share/ringfence
ringfence=$root/usr/bin/ringfence
policy=$root/usr/share/doc/ringfence/examples/policy.yaml

is 'no policy comes with it: it is idle until somebody writes one' sh -c '! find "$0/etc" -type f | grep .' "$root"
is 'the example loads with the packaged data' "$ringfence" check "$policy"
is 'its tests pass' "$ringfence" -p "$policy" test
is 'the shipped shipper configuration is good' "$root/usr/sbin/ringfence-ship" -c "$root/usr/share/doc/ringfence/examples/ship.conf" --check
is 'the JSON Schema is JSON' python3 -m json.tool "$RINGFENCE_DATA/policy.schema.json"
for page in "$root"/usr/share/man/man*/*.gz; do
	zcat "$page" >"$dir/$(basename "$page" .gz)"
	is "$(basename "$page" .gz) is a clean manual page" mandoc -T lint -W warning "$dir/$(basename "$page" .gz)"
done
for program in ringfence ringfenced ringfence-ship ringfence-policy; do
	is "$program has a manual page" ls "$root"/usr/share/man/man?/$program.?.gz
done
is 'the completion is bash' bash -n "$root/usr/share/bash-completion/completions/ringfence"
is 'every program is hardened: PIE and immediate binding' sh -c \
	'for p in "$0"/usr/bin/ringfence "$0"/usr/sbin/*; do readelf -hd "$p" | grep -q "DYN (Pos" && readelf -d "$p" | grep -q BIND_NOW || exit 1; done' "$root"
is 'the shipper links neither netlink, YAML nor the kernel layer' sh -c \
	'! ldd "$0/usr/sbin/ringfence-ship" | grep -E "libnftnl|libmnl|libyaml|netfilter"' "$root"
is 'no world-readable secret, no setuid file' sh -c '! find "$0" -perm /6000 | grep .' "$root"
for unit in "$root"/lib/systemd/system/*.service; do
	# The programs are below $root, so only the syntax can be verified: what it says of missing commands is left out.
	is "$(basename "$unit") is a valid unit" sh -c '! systemd-analyze verify "$0" 2>&1 | grep "$(basename "$0")" |
		grep -vE "not executable|No such file|man .* failed|Failed to (create|prepare)"' "$unit"
done

# The scripts, with a table of ours in a namespace.
script() { # NAME ARGUMENT: its words to $dir/said
	sed -e '/^#DEBHELPER#/d' "$dir/control/$1" >"$dir/script"
	unshare --net sh -c '"$0" -p "$1" lock >/dev/null 2>&1; sh "$2" "$3"; nft list tables' "$ringfence" "$policy" "$dir/script" "$2" >"$dir/said" 2>&1
}
script prerm remove
is 'removing says that the table stays' says 'stays in the kernel'
is 'and it does' says 'table inet ringfence'
sed -i 's,rm -rf /var/lib/ringfence /var/lib/ringfence-ship,:,; s,rmdir /etc/ringfence.*,:,' "$dir/control/postrm"
script postrm purge
is 'purging says that it removed the table' says 'nothing is filtered any more'
is 'and it did' not says '^table inet ringfence'
echo "1..$n"
[ $failed = 0 ]
