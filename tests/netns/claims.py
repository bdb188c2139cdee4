#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many devices at once: claims.py INTERFACES EACH [V6] speaks on p0, p1 … for EACH devices (or one device with V6 IPv6 addresses)
behind each: all ask for the gateway at once, again every two seconds, and answer when they are asked (ARP, neighbour discovery).
A line "all N claimed" when all of them have spoken once; until killed."""
import select
import socket
import struct
import sys
import time


def mac_of(i, k):
    return bytes((0xAC, 0xCC, 0x8E, 0x80 | i, k >> 8, k & 255))


def v4_of(i, k):
    return bytes((10, 64 + i, 200 + (k >> 8), k & 255))


def v6_of(i, k):
    return bytes.fromhex(f"fd00{64 + i:04x}") + bytes(8) + struct.pack(">I", 0x10000 + k)


def arp(op, smac, sip, dmac, dip):
    head = (b"\xff" * 6 if op == 1 else dmac) + smac + b"\x08\x06"
    return head + struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + smac + sip + (bytes(6) if op == 1 else dmac) + dip


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def icmp6(smac, dmac, src, dst, body):
    pseudo = src + dst + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", checksum(pseudo + body)) + body[4:]
    return dmac + smac + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + src + dst + body


def solicit(smac, src, target):
    group = bytes.fromhex("ff0200000000000000000001ff") + target[13:]
    body = struct.pack(">BBHI", 135, 0, 0, 0) + target + b"\x01\x01" + smac
    return icmp6(smac, b"\x33\x33\xff" + target[13:], src, group, body)


def advert(smac, src, dmac, dst):
    return icmp6(smac, dmac, src, dst, struct.pack(">BBHI", 136, 0, 0, 0x60000000) + src + b"\x02\x01" + smac)


class Side:
    def __init__(self, i, each, v6):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind((f"p{i}", 0))
        index = socket.if_nametoindex(f"p{i}")
        self.sock.setsockopt(263, 1, struct.pack("iHH8s", index, 1, 0, bytes(8)))      # promiscuous
        self.sock.setblocking(False)
        gate4, gate6 = bytes((10, 64 + i, 0, 1)), bytes.fromhex(f"fd00{64 + i:04x}") + bytes(11) + b"\x01"
        self.holds, self.claims = {}, []
        for k in range(v6 or each):
            mac = mac_of(i, 0 if v6 else k)
            addr = v6_of(i, k) if v6 else v4_of(i, k)
            self.holds[(mac, addr)] = True
            self.claims.append(solicit(mac, addr, gate6) if v6 else arp(1, mac, addr, None, gate4))

    def claim(self):
        for n, frame in enumerate(self.claims):
            while True:
                try:
                    self.sock.send(frame)
                    break
                except (BlockingIOError, OSError):
                    time.sleep(0.001)
            if n % 64 == 63:
                self.answer()

    def answer(self):
        while True:
            try:
                f = self.sock.recv(2048)
            except BlockingIOError:
                return
            if f[12:14] == b"\x08\x06" and f[20:22] == b"\x00\x01" and (f[:6], f[38:42]) in self.holds:
                self.sock.send(arp(2, f[:6], f[38:42], f[6:12], f[28:32]))
            elif f[12:14] == b"\x86\xdd" and f[54:55] == b"\x87" and (f[:6], f[62:78]) in self.holds:
                self.sock.send(advert(f[:6], f[62:78], f[6:12], f[22:38]))


def main():
    n, each = int(sys.argv[1]), int(sys.argv[2])
    sides = [Side(i, each, int(sys.argv[3]) if len(sys.argv) > 3 else 0) for i in range(n)]
    told = False
    while True:
        for s in sides:
            s.claim()
        if not told:
            print(f"all {sum(len(s.claims) for s in sides)} claimed", flush=True)
            told = True
        end = time.monotonic() + 2
        while time.monotonic() < end:
            select.select([s.sock for s in sides], [], [], 0.05)
            for s in sides:
                s.answer()


main()
