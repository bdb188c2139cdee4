#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds up what the daemon says it dropped, in one word a line, for the accounting scenario.

tally.py events SOURCE...	ECS lines on stdin: "packets N" of the blocked ones from these addresses,
				"events N", "gaps N" in the sequence
tally.py status			the status on stdin: "kernel N", "attributed N", "unequal N", "residual N"
"""
import json
import sys

# Kinds of event that stand for dropped packets.
DROPS = {"blocked", "flood", "scan", "spoof_suspected", "outage", "strange_interface"}


def lines():
    for line in sys.stdin:
        line = line.strip()
        if line.startswith("{"):
            yield json.loads(line)


def field(event, *path):
    for name in path:
        if not isinstance(event, dict) or name not in event:
            return None
        event = event[name]
    return event


def events(sources):
    packets = count = gaps = 0
    last = None
    for e in lines():
        seq = field(e, "event", "sequence")
        if last is not None and seq is not None and seq != last + 1:
            gaps += 1
        last = seq if seq is not None else last
        if field(e, "event", "code") not in DROPS:
            continue
        if sources and field(e, "source", "ip") not in sources and field(e, "source", "mac") not in sources:
            continue
        count += 1
        packets += field(e, "network", "packets") or 0
    print(f"packets {packets}\nevents {count}\ngaps {gaps}")


def status():
    s = json.load(sys.stdin)
    accounting = s["accounting"]
    kernel = sum(o["kernel"] for o in accounting["outcomes"])
    attributed = sum(o["attributed"] for o in accounting["outcomes"])
    unequal = sum(o["kernel"] != o["attributed"] for o in accounting["outcomes"])
    residual = sum(accounting["residual"].values())
    print(f"kernel {kernel}\nattributed {attributed}\nunequal {unequal}\nresidual {residual}")
    for o in accounting["outcomes"]:
        if o["kernel"] != o["attributed"]:
            print(f"# {o['name']}: kernel {o['kernel']}, attributed {o['attributed']}")
    for name, n in accounting["residual"].items():
        if n:
            print(f"# residual {name} {n}")


{"events": lambda: events(sys.argv[2:]), "status": status}[sys.argv[1]]()
