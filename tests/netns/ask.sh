# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the daemon says of itself: its status in words, its events since a number, the table's rules
# without what counts.  Sourced after probe.sh.

status_word() { # KEY: the first of that name in the status
	ringfence status --json 2>/dev/null | grep -o "\"$1\": *[^,}]*" | head -n 1 | sed 's/^[^:]*: *//; s/"//g'
}

status_is() { [ "$(status_word "$1")" = "$2" ]; } # KEY WORD

last_seq() { status_word last_seq; }

# The same text as long as nothing was loaded, whichever page of the ledger is written to.
fingerprint() { in_ns fw nft -s -t list table inet ringfence 2>/dev/null | sed -E 's/-[ab]\b/-page/g; s/page [ab]\b/page/g' | cksum; }

events_since() { # SEQ KIND: as JSON lines
	ringfence events --after "$1" --kind "$2" --last 100000 --format ecs
}

told() { # SEQ KIND PATTERN: such an event is stored
	events_since "$1" "$2" 2>/dev/null | grep -q -- "$3"
}

told_soon() { site_wait "the event $2 $3" told "$@"; }

unanswered_since() { # SEQ: packets that died in the queue, by the events
	events_since "$1" loss | grep unanswered | grep -o '"packets\\*": *[0-9]*' | grep -o '[0-9]*$' | awk '{ n += $1 } END { print n + 0 }'
}

# Packets that the kernel has asked about, and those that this daemon has judged.
asked() { in_ns fw nft list counter inet ringfence asked 2>/dev/null | awk '$1 == "packets" { print $2 }'; }
judged() { ringfence status --json | python3 -c 'import json, sys; print(sum(w["packets"] for w in json.load(sys.stdin)["workers"]))'; }
