# SPDX-License-Identifier: GPL-2.0-or-later
"""Many TCP connections that are held until the end, and are reset then.

connections.py accept PORT		says "ready"
connections.py open ADDRESS PORT N	all at once; what is not answered goes on trying
"""
import resource
import signal
import socket
import struct
import sys

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no time at all


def stop(*_):
    sys.exit(0)


def accept(port):
    listener = socket.create_server(("", port), backlog=4096)
    held = []
    print("ready", flush=True)
    while True:
        held.append(listener.accept()[0])


def connect(address, port, count):
    held = []
    for _ in range(count):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.setblocking(False)
        one.connect_ex((address, port))
        held.append(one)
    signal.pause()


def main():
    signal.signal(signal.SIGTERM, stop)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, limit), limit))
    if sys.argv[1] == "accept":
        accept(int(sys.argv[2]))
    else:
        connect(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))


main()
