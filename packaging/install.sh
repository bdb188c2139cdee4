#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Install what was built below $O into $DESTDIR: programs, shipped data, units, manual pages, completion.
# It starts nothing, creates no policy and touches no packet.
set -eu
: "${O:?}" "${DESTDIR:=}" "${PREFIX:=/usr}" "${SYSCONFDIR:=/etc}"
d=$DESTDIR$PREFIX
put() { install -D -m "$1" "$2" "$3"; }

put 0755 "$O/ringfenced" "$d/sbin/ringfenced"
put 0755 "$O/ringfence-ship" "$d/sbin/ringfence-ship"
put 0755 "$O/ringfence" "$d/bin/ringfence"

share=$d/share/ringfence
for f in rules/makers/*.yaml; do put 0644 "$f" "$share/makers/${f##*/}"; done
for f in rules/packs/*.yaml; do put 0644 "$f" "$share/packs/${f##*/}"; done
put 0644 rules/registry/ieee-prefixes.tsv "$share/registry/ieee-prefixes.tsv"
put 0644 rules/policy.yaml "$d/share/doc/ringfence/examples/policy.yaml"
put 0644 README.md "$d/share/doc/ringfence/README.md"
if [ -f packaging/ship.conf ]; then put 0644 packaging/ship.conf "$d/share/doc/ringfence/examples/ship.conf"; fi
mkdir -p "$share"
"$O/ringfence" --data rules show schema > "$share/policy.schema.json"
chmod 0644 "$share/policy.schema.json"

for f in packaging/systemd/*.service; do put 0644 "$f" "$DESTDIR/lib/systemd/system/${f##*/}"; done
put 0644 packaging/systemd/ringfence.sysusers "$d/lib/sysusers.d/ringfence.conf"
put 0644 packaging/systemd/ringfence.tmpfiles "$d/lib/tmpfiles.d/ringfence.conf"
put 0644 packaging/systemd/ringfence.modules "$d/lib/modules-load.d/ringfence.conf"
put 0644 packaging/systemd/ringfence.sysctl "$d/lib/sysctl.d/60-ringfence.conf"
for f in packaging/man/*.[58]; do put 0644 "$f" "$d/share/man/man${f##*.}/${f##*/}"; done
put 0644 packaging/completion/ringfence.bash "$d/share/bash-completion/completions/ringfence"
install -d -m 0755 "$DESTDIR$SYSCONFDIR/ringfence" "$DESTDIR$SYSCONFDIR/ringfence/makers.d" "$DESTDIR$SYSCONFDIR/ringfence/packs.d"
