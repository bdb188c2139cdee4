#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A newer build takes over from an older one, whose table has another layout and a base chain that we do not have, under load: no
# packet of decided flows is lost, nor of known devices' new ones, nothing forbidden passes, no base chain is deleted, and what the
# older one was asked about and never answered is told.
# The older table is the text of one, taken from a daemon of layout 2 (old-table.nft): by itself it opens what it was told to.
# OLD=DIRECTORY: the older daemon itself, from there; with WRITE=1 its table becomes that text.
. "$(dirname "$0")/probe.sh" || exit 2
. "$(dirname "$0")/policy.sh" || exit 2
. "$(dirname "$0")/load.sh" || exit 2
. "$(dirname "$0")/ask.sh" || exit 2
HERE=$(dirname "$0")
KNOWN='axis axis2 prec'

tables() { in_ns fw nft list tables | sed 's/^table //' | grep ringfence; }
# Base chains by handle, those that we do not have among them.
base_chains() { in_ns fw nft -j list chains 2>/dev/null | grep -o '"family": "[a-z]*", "table": "ringfence", "name": "[^"]*", "handle": [0-9]*, "type"' | sort; }
mark_of_generation() { # allow: the generation's own, in the ct mark
	local g
	g=$(in_ns fw nft list chain inet ringfence about | sed -nE 's/.*generation ([0-9]+).*/\1/p')
	echo $(((g << 2 | 1) << 24))
}

# The older table as it stands, a set or a counter in one line.
table_text() {
	local t
	# shellcheck disable=SC2086
	while read -r t; do in_ns fw nft list table $t 2>/dev/null; done < <(tables) |
		awk '/^\t(set|map|counter) / { one = 1 }
			!one { if ($0 != "") print; next }
			{ gsub(/^\t+/, ""); line = line (line == "" ? "\t" : (line ~ /[{}]$/ || line ~ /,$/ ? " " : "; ")) $0 }
			$0 == "}" { print line; line = ""; one = 0 }' |
		sed -E 's/ +/ /g; s/@ll,0,48/ether daddr/g; s/@ll,48,48/ether saddr/g; s/@ll,96,16/ether type/g; s/packets [0-9]+ bytes [0-9]+/packets 0 bytes 0/; /flags owner/d'
}

old_by_daemon() {
	local SITE_BUILD=$OLD
	truth 'the older daemon starts' site_daemon_start --shared
	for d in $KNOWN; do site_learn $d clock udp 123; done
	site_wait 'the devices in the table' known_all
	[ -z "${WRITE:-}" ] || { echo '# SPDX-License-Identifier: GPL-2.0-or-later' && table_text; } >"$HERE/old-table.nft"
	site_daemon_kill
}

known_all() {
	local d
	for d in $KNOWN; do in_ns fw nft list table inet ringfence | grep -q "${MAC[$d]} . ${IP6[$d]}" || return 1; done
}

# What it has learnt is kept, as an upgrade keeps it; the table is the older one.
old_by_text() {
	truth 'a daemon learns who is there' site_daemon_start --shared
	for d in $KNOWN; do site_learn $d clock udp 123; done
	site_wait 'the devices in the table' known_all
	site_daemon_stop
	site_tables_remove
	sed "s/\"cam0\"/\"$CAM0\"/g; s/\"cam1\"/\"$CAM1\"/g" "$HERE/old-table.nft" >"$SITE_DIR/old.nft"
	# Where nft has no queue, the table's is of another sort; without a listener both drop.
	in_ns sw nft -c 'add table inet t; add chain inet t c; add rule inet t c queue num 77' 2>/dev/null ||
		sed -i 's/queue num .*/drop/' "$SITE_DIR/old.nft"
	# As it stands every other time that a daemon turns its page: on the second one.
	sed -i "s/page a/page b/; /^\tset /! s/\(@[a-z0-9-]*\)-a\>/\1-b/g" "$SITE_DIR/old.nft"
	truth 'the older table' in_ns fw nft -f "$SITE_DIR/old.nft"
	truth 'which has dropped something' in_ns fw nft add element inet ringfence hits-tcp4-b \
		"{ \"$CAM0\" . ${MAC[hik]} . ${IP4[hik]} . ${IP4[vms]} . 445 counter packets 7 bytes 420 }"
}

old_extras() { # and a stage that we do not have
	in_ns fw nft -f - <<-'NFT'
		table inet ringfence {
		 chain old-stage { udp dport 50331 drop
		 }
		 chain old-base { type filter hook forward priority -5; policy accept;
		  jump old-stage
		 }
		}
	NFT
}

# A flow that the older daemon allowed when it was asked: stamped with its generation.
decided_start() {
	local mark
	mark=$(mark_of_generation)
	in_ns fw nft "add table ip stamp; add chain ip stamp c { type filter hook prerouting priority -100; }; add rule ip stamp c iifname \"$CAM0\" udp dport 50330 ct mark set $mark"
	load_flood decided axis prec udp 50330 --flows 5
	site_wait 'the stamped flows' decided_flows || return 1
	in_ns fw nft delete table ip stamp
	DECIDED=${LOAD_TOKEN[decided]}
}
decided_flows() { # each of the five has passed, and is stamped
	[ "$(count_of prec "${LOAD_TOKEN[decided]#*.}")" -gt 5 ] &&
		[ "$(in_ns fw grep -c 'dport=50330 .*mark=[1-9]' /proc/net/nf_conntrack)" = 5 ]
}

in_vain() { # questions that nobody answers; sets ASKED_IN_VAIN
	local before
	before=$(asked)
	sender_send axis2 -i eth0 --dmac "${GATE_MAC[cam1]}" --src "${IP4[axis2]}" --dst "${IP4[axis]}" --proto udp --sport 20000 \
		--dport 9 --flows 50 --count 50
	ASKED_IN_VAIN=$(($(asked) - before))
}
# Of all that was asked, what the newer daemon has not judged.
died() { echo $(($(asked) - $(judged))); }
# To the port that the older table has a drop of.
dropped() {
	events_since 0 "${1:-outage}" | grep '"port":445' | sed -nE 's/.*"network":\{[^}]*"packets":([0-9]+).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'
}
dropped_told() { [ "$(dropped)$(dropped blocked)" != 00 ]; }
told_all() { [ "$(unanswered_since 0)" = "$(died)" ]; }

site_up 33-upgrade
site_servers
load_start
sleep 2
load_stop 'control' all
[ "${SITE_ONLY:-}" != control ] || site_done
policy_write
if [ -n "${OLD:-}" ]; then old_by_daemon; else old_by_text; fi
truth 'and a stage of its own' old_extras
before=$(base_chains)
truth 'it has base chains' [ "$(wc -l <<<"$before")" -ge 4 ]
in_vain
is 'the older table asks in vain' "$ASKED_IN_VAIN" 50
load_start
truth 'a flow that the older daemon allowed' decided_start
truth 'the newer daemon starts' site_daemon_start
sleep 3
sent_to=$DECIDED
site_kill "${LOAD_SEND[decided]}"
site_settle "$sent_to"
is 'allowed by the older one when asked: all of them arrive' "$(count_of prec "${sent_to#*.}")" "$(load_field "$SITE_DIR/load.decided" sent)"
unset 'LOAD_SEND[decided]' 'LOAD_TOKEN[decided]'
load_stop 'over the upgrade'
is 'no base chain was deleted' "$(comm -23 <(echo "$before") <(base_chains))" ''
is "the older one's own stage is gone" "$(in_ns fw nft list table inet ringfence | grep -c 'old-stage\|udp dport 50331')" 0
ITEMS=()
probe pass 'it drops nothing any more' axis vms udp 50331
probe drop 'R to a desk' hik desk udp 53
probe drop 'A where it may not' axis desk udp 53
SITE_PHASE=enforced
site_run enforced
if [ -z "${OLD:-}" ]; then
	site_wait 'what it dropped to be told' dropped_told
	is 'what the older one dropped is told as an outage, once' "$(dropped)" 7
fi
site_wait 'the loss to be told' told_all
truth "what died unanswered is at least that ($(died))" [ "$(died)" -ge 50 ]
is 'and it is told, to the packet' "$(unanswered_since 0)" "$(died)"
truth 'the table is what it should be' ringfence verify
site_done
