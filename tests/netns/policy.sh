# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The tests' policy, written to $SITE_DIR/policy.yaml with lines taken out and put in:
#
#	policy_write [-ID]... [+SECTION 'ENTRY']... [KEY=VALUE]...
#
# -ID takes the entry with that id (or name) out; +SECTION puts an entry first in its section (+rules,
# +exceptions, +devices, +hosts, +tests); KEY=VALUE replaces a top-level line such as mode=observe.

policy_write() {
	local text at section
	text=$(grep -v '^#' "$SITE_HERE/base.yaml" | sed "s/@CAM0@/$CAM0/g; s/@CAM1@/$CAM1/g
		s/@LIVE@/$(date -d '+90 days' +%F)/g")
	while [ $# -gt 0 ]; do
		case $1 in
		-*) text=$(grep -vE "^  (- \{ (id|name): ${1#-},|${1#-}:)" <<<"$text") ;;
		+*)
			section=${1#+}
			grep -q "^$section:" <<<"$text" || text+=$'\n'"$section:"
			at=$2
			text=$(awk -v section="$section:" -v entry="$at" '{ print } $0 == section { print "  " entry }' <<<"$text")
			shift
			;;
		*=*) text=$(sed -E "s|^${1%%=*}:.*|${1%%=*}: ${1#*=}|" <<<"$text") ;;
		esac
		shift
	done
	site_policy <<<"$text"
}
