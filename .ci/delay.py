#!/usr/bin/env python3
"""Links two network namespaces by a TUN device in each, and delays every packet, as `tc netem` does, which few kernels
of containers have. `delay.py SECONDS NAMESPACE/DEVICE NAMESPACE/DEVICE` prints a line when the devices exist."""

import ctypes
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST_PACKET = 65536


def device(place):
    """Opens a new device in its namespace, in which this process then is; the device stays there."""
    namespace, name = place.split("/")
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/var/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def main():
    delay = float(sys.argv[1])
    ends = [device(place) for place in sys.argv[2:4]]
    print("linked", flush=True)
    other = dict(zip(ends, reversed(ends)))
    under_way = deque()  # in the order in which they are due, since all are delayed alike
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select(ends, [], [], wait)
        for end in readable:
            packet = os.read(end, LARGEST_PACKET)
            under_way.append((time.monotonic() + delay, other[end], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, packet = under_way.popleft()
            try:
                os.write(end, packet)
            except OSError:
                pass  # lost, as on any link whose end is down or full


if __name__ == "__main__":
    main()
