#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad clients of the control socket:

clients.py rubbish SOCKET	random bytes, frames too long, words without an end, 300 connections
clients.py half SOCKET		half a length, half a request, and gone
clients.py unread SOCKET	20 ask for the devices again and again and never read
clients.py crowd SOCKET		1000 connections that say half a word; says "holding", keeps them until killed
"""
import os
import random
import socket
import struct
import sys
import time


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    for _ in range(200):
        try:
            s.connect(path)
            return s
        except BlockingIOError:
            time.sleep(0.01)
    return s


def say(path, data):
    s = connect(path)
    try:
        s.sendall(data)
    except OSError:
        pass
    return s


def frame(words):
    return struct.pack(">I", len(words)) + words


def rubbish(path):
    rng = random.Random(1)
    for i in range(300):
        data = rng.randbytes(rng.randrange(1, 2000))
        if i % 3 == 0:
            data = frame(data)
        elif i % 3 == 1:
            data = struct.pack(">I", rng.choice([0, 65537, 1 << 31, 0xFFFFFFFF])) + data
        say(path, data).close()


def half(path):
    for data in (b"", b"\0", b"\0\0\0", frame(b"status\0")[:-3], frame(b"reload"), frame(b"\0" * 40), frame(b"reload\0" * 64)):
        for _ in range(10):
            s = say(path, data)
            s.shutdown(socket.SHUT_WR)
            s.close()


def unread(path):
    held = [say(path, frame(b"status\0--json\0") * 100) for _ in range(20)]
    time.sleep(0.5)
    del held


def crowd(path):
    held = []
    for _ in range(1000):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
            s.send(b"\0\0\0")
        except OSError:
            pass
        held.append(s)
        if len(held) % 16 == 0:
            time.sleep(0.01)
    print("holding", flush=True)
    while os.getppid() > 0:
        time.sleep(1)


{"rubbish": rubbish, "half": half, "unread": unread, "crowd": crowd}[sys.argv[1]](sys.argv[2])
