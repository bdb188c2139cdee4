#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What iproute2 has no words for, in namespaces by path.

wires.py tun NETNS NAME NETNS NAME	a cable between two tun devices (no Ethernet), until killed: "ready"
wires.py mroute NETNS IN OUT GROUP SOURCE	routes IPv4 multicast of GROUP from SOURCE, until killed: "ready"
"""
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC, VIFF_USE_IFINDEX = 200, 202, 204, 8


def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if LIBC.setns(fd, 0):
        raise OSError(ctypes.get_errno(), path)
    os.close(fd)


def tun(path, name):
    enter(path)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def cable(path_a, name_a, path_b, name_b):
    ends = [tun(path_a, name_a), tun(path_b, name_b)]
    print("ready", flush=True)
    while True:
        for fd in select.select(ends, [], [])[0]:
            other = ends[1 - ends.index(fd)]
            try:
                os.write(other, os.read(fd, 65536))
            except OSError:
                pass


def mroute(path, first, second, group, source):
    enter(path)
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    s.setsockopt(socket.IPPROTO_IP, MRT_INIT, struct.pack("i", 1))
    for i, name in enumerate((first, second)):
        vif = struct.pack("HBBIi4s", i, VIFF_USE_IFINDEX, 1, 0, socket.if_nametoindex(name), b"\0" * 4)
        s.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, vif)
    ttls = bytes([0, 1]) + bytes(30)
    mfc = struct.pack("4s4sH32sxxIIIi", socket.inet_aton(source), socket.inet_aton(group), 0, ttls, 0, 0, 0, 0)
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC, mfc)
    print("ready", flush=True)
    signal.pause()


{"tun": cable, "mroute": mroute}[sys.argv[1]](*sys.argv[2:])
