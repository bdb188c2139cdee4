#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers every UDP packet that comes in by an interface, until it is ended: reflect.py IF.  Both addresses, ports and MACs
change places, so that checksums hold.  Not fast: it is for conntrack, which is to see both ways of each flow once."""
import socket
import sys

IPV4, IPV6, UDP, OUTGOING = 0x0800, 0x86DD, 17, 4


def turned(frame):
    kind = int.from_bytes(frame[12:14], "big")
    if kind == IPV4 and frame[14] == 0x45 and frame[23] == UDP:
        at, size = 26, 4
    elif kind == IPV6 and frame[20] == UDP:
        at, size = 22, 16
    else:
        return None
    ports = at + 2 * size
    return (frame[6:12] + frame[0:6] + frame[12:at] + frame[at + size:ports] + frame[at:at + size] +
            frame[ports + 2:ports + 4] + frame[ports:ports + 2] + frame[ports + 4:])


def main():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((sys.argv[1], 3))
    print("ready", flush=True)
    while True:
        frame, where = s.recvfrom(2048)
        back = turned(frame) if where[2] != OUTGOING else None
        try:
            if back:
                s.send(back)
        except OSError:         # no room: the next one of the flow will do
            pass


main()
