#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Install what is missing of the list (debian-packages.txt).  Quick when nothing is.
# Without root: what only tests need is told and left; what the build needs ends the run.
set -eu
list=$1
if ! command -v dpkg-query >/dev/null; then
	echo "deps: no dpkg here: the libraries and tools named in $list are needed" >&2
	exit 0
fi
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
missing=$(printf '%s\n' "$have" | awk 'NR == FNR { have[$1] = 1; next }
	/^#/ || !NF { next }
	!($1 in have) { print $1, ($2 ~ /^build:?$/ ? "build" : "other") }' - "$list")
[ -n "$missing" ] || exit 0
names=$(printf '%s\n' "$missing" | cut -d' ' -f1 | tr '\n' ' ')
if [ "$(id -u)" != 0 ]; then
	echo "deps: not installed: $names" >&2
	echo "deps: as root: apt-get install -y --no-install-recommends $names" >&2
	case "$missing" in *" build"*) exit 1 ;; esac
	exit 0
fi
echo "deps: installing $names"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $names; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "deps: apt-get failed" >&2
	exit 1
fi
