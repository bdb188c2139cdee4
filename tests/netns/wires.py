#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What iproute2 has no words for, in namespaces by path.

wires.py tun NETNS NAME NETNS NAME	a cable between two tun devices (no Ethernet), until killed: "ready"
wires.py mroute NETNS IN OUT GROUP SOURCE	routes IPv4 multicast of GROUP from SOURCE, until killed: "ready"
wires.py xdp NETNS NAME on|off		an XDP program on the interface that passes everything
"""
import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
BPF_PROG_LOAD, BPF_XDP, XDP_PASS = 5, 6, 2
RTM_SETLINK, IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_SKB_MODE = 19, 43 | 0x8000, 1, 3, 2
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


def xdp_program():
    if not BPF:
        raise OSError(f"no number of bpf(2) is known for {platform.machine()}")
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, XDP_PASS, 0x95, 0, 0, 0))     # r0 = XDP_PASS; exit
    licence = ctypes.create_string_buffer(b"GPL")
    attr = ctypes.create_string_buffer(struct.pack("=IIQQ", BPF_XDP, 2, ctypes.addressof(code), ctypes.addressof(licence)), 128)
    fd = LIBC.syscall(BPF, BPF_PROG_LOAD, attr, 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_PROG_LOAD")
    return fd


def xdp(path, name, how):
    enter(path)
    fd = xdp_program() if how == "on" else -1
    nested = struct.pack("=HHiHHI", 8, IFLA_XDP_FD, fd, 8, IFLA_XDP_FLAGS, XDP_SKB_MODE)
    body = struct.pack("=BxHiIIHH", 0, 0, socket.if_nametoindex(name), 0, 0, 4 + len(nested), IFLA_XDP) + nested
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    s.send(struct.pack("=IHHII", 16 + len(body), RTM_SETLINK, 5, 1, 0) + body)    # REQUEST | ACK
    code = struct.unpack_from("=i", s.recv(8192), 16)[0]
    if code:
        raise OSError(-code, "RTM_SETLINK")


{"tun": cable, "mroute": mroute, "xdp": xdp}[sys.argv[1]](*sys.argv[2:])
