#!/usr/bin/env python3
"""How fast several ranks train, from what travels and what is computed: arithmetic, not a measurement.

    bench/scaling.py --parameters 11.7e6 --macs 1.82e9 --gflops 400

A step of N ranks takes the time of its part of the images and that of the sum. For the sum each rank sends
(N - 1) / N of its gradients, twice: once in parts to the ranks that add them up, once the part that it has
added up to all others. Values travel 4 Mi at a time; the two calls for these cost N - 1 latencies each, and the
header before them log2(N).
"""

import argparse
from math import ceil, log2

WINDOW = 4 << 20
RANKS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
NETWORKS = {"1 Gbit/s": (1e9, 50e-6), "10 Gbit/s": (10e9, 20e-6), "100 Gbit/s": (100e9, 3e-6)}


def bytes_sent(ranks, parameters):
    """By each rank in a step, where each has one block of the tree."""
    return 2 * 4 * parameters * (ranks - 1) / ranks


def seconds_sending(ranks, parameters, bits_per_second, latency):
    if ranks == 1:
        return 0.0
    windows = ceil(parameters / WINDOW)
    latencies = ceil(log2(ranks)) + windows * 2 * (ranks - 1)
    return bytes_sent(ranks, parameters) * 8 / bits_per_second + latencies * latency


def seconds_computing(images, macs, gflops):
    """Forward and backward take three forward passes, and a multiply-add is two operations."""
    return images * 3 * 2 * macs / (gflops * 1e9)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--parameters", type=float, default=11.7e6, help="of the network")
    arguments.add_argument("--macs", type=float, default=1.82e9, help="multiply-adds of an image's forward pass")
    arguments.add_argument("--gflops", type=float, default=400, help="what a rank computes")
    arguments.add_argument("--images", type=int, default=64, help="images of a rank in a step")
    arguments.add_argument("--batch", type=int, help="images of a step, divided among the ranks, instead")
    of = arguments.parse_args()
    alone = seconds_computing(of.batch or of.images, of.macs, of.gflops)
    print("| ranks | images a step | MB sent by a rank | " + " | ".join(NETWORKS) + " |")
    print("|---:" * (3 + len(NETWORKS)) + "|")
    for ranks in RANKS:
        images = of.batch or ranks * of.images
        if images < ranks:
            break
        computing = seconds_computing(ceil(images / ranks), of.macs, of.gflops)
        cells = []
        for bits, latency in NETWORKS.values():
            sending = seconds_sending(ranks, of.parameters, bits, latency)
            times = images / (of.batch or of.images)
            cells.append(f"{times * alone / (computing + sending):.1f}")
        sent = bytes_sent(ranks, of.parameters) / 1e6
        print(f"| {ranks} | {images} | {sent:.0f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
