#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A big site: scale.py DIRECTORY NETNS RULES DEVICES PREFIXES INTERFACES writes policy.yaml, devices.csv, and links and peers
(batches for ip; the interfaces' other ends are in NETNS):
guarded zones with an interface and a network each, devices of them by tag, hosts of the core that hold the prefixes, and rules of
every pairing."""
import os
import sys

TAGS, EACH, NETS = 64, 100, 10


def prefix(n):
    """The n-th /27 of 11.0.0.0/8: none is inside another."""
    at = (11 << 24) + n * 64
    return f"{at >> 24}.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}/27"


def device_address(n, ifaces):
    at = (10 << 24) + (n % ifaces + 64) * 65536 + 256 + n // ifaces
    return f"{at >> 24}.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def device_mac(n):
    return f"ac:cc:8e:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"


def main():
    where, netns, rules, devices, prefixes, ifaces = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
    hosts = max(1, prefixes // EACH)
    with open(os.path.join(where, "policy.yaml"), "w") as f:
        print("version: 1\nrevision: scale\nsite: { name: scale }\nmode: enforce\npacks: [uk-nil]\ninventory: [devices.csv]\nzones:", file=f)
        for i in range(ifaces):
            print(f'  z{i}: {{ interfaces: [g{i}], networks: [10.{64 + i}.0.0/16, "fd00:{64 + i:x}::/64"], guarded: true }}', file=f)
        print("  core: { interfaces: [core0], networks: [11.0.0.0/8] }", file=f)
        print("groups:\n  restricted: { packs: [uk-nil] }", file=f)
        for i in range(TAGS):
            print(f"  t{i}: {{ tags: [t{i}] }}", file=f)
        print("hosts:", file=f)
        for i in range(hosts):
            nets = ", ".join(prefix(i * EACH + k) for k in range(EACH))
            print(f"  h{i}: {{ networks: [{nets}] }}", file=f)
        print("restrict:\n  - { id: isolated, group: restricted }", file=f)
        print("rules:\n  - { id: watched, from: z0, to: h0, services: [udp/7-8], action: allow }", file=f)
        for i in range(rules):
            inside = (f"z{i % ifaces}", f"t{i % TAGS}", f"d{i * 7 % devices}")[i % 3]
            ends = (inside, f"h{i * 13 % hosts}")
            a, b = ends if i % 2 else ends[::-1]
            print(f"  - {{ id: r{i}, from: {a}, to: {b}, services: [tcp/{1000 + i * 17 % 199}], action: {'allow' if i % 5 else 'drop'} }}", file=f)
        print("default: drop", file=f)
    with open(os.path.join(where, "devices.csv"), "w") as f:
        print("name,macs,addresses,tags", file=f)
        for i in range(devices):
            print(f"d{i},{device_mac(i)},{device_address(i, ifaces)},t{i * 31 % TAGS}", file=f)
    with open(os.path.join(where, "links"), "w") as f:
        for i in range(ifaces):
            print(f"link add g{i} type veth peer name p{i} netns {netns}\nlink set g{i} up\naddr add 10.{64 + i}.0.1/16 dev g{i}\n"
                  f"addr add fd00:{64 + i:x}::1/64 dev g{i} nodad", file=f)
    with open(os.path.join(where, "peers"), "w") as f:
        print("\n".join(f"link set p{i} up" for i in range(ifaces)), file=f)


main()
