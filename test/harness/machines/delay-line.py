"""Carries frames between two network interfaces with a given delay: netem's delay for kernels without netem.

delay-line.py INTERFACE INTERFACE SECONDS
"""
import collections
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, SO_SNDBUFFORCE, SO_RCVBUFFORCE = 263, 15, 23, 32, 33
ROOM = 16 << 20
# Seconds between two polls: a frame is early or late by up to half of that.
TICK = 0.004


def attach(interface):
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    # With this header frames keep their offloads: large ones stay whole, and unfinished checksums stay marked.
    line.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    line.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    line.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, ROOM)
    line.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    line.bind((interface, 0))
    line.setblocking(False)
    return line


room = bytearray(1 << 17)


def receive(line):
    while True:
        try:
            # Not recv: it allocates room for the largest frame each time.
            yield bytes(memoryview(room)[: line.recv_into(room)])
        except BlockingIOError:
            return
        except OSError:  # The link is down.
            return


one, other, seconds = attach(sys.argv[1]), attach(sys.argv[2]), float(sys.argv[3]) - TICK / 2
opposite = {one: other, other: one}
underway = collections.deque()
print("ready", flush=True)
while True:
    if underway:
        # Not at once for each frame: ten such lines would use so much CPU that it would distort what is measured.
        time.sleep(TICK)
    else:
        select.select([one, other], [], [])
    now = time.monotonic()
    for line in (one, other):
        underway.extend((now + seconds, opposite[line], frame) for frame in receive(line))
    while underway and underway[0][0] <= now:
        _, line, frame = underway.popleft()
        try:
            line.send(frame)
        except OSError:  # As on any network, what cannot be carried on is lost.
            pass
