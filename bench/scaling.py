#!/usr/bin/env python3
"""How fast several ranks train, and what they read: arithmetic from sizes and rates, not a measurement.

    bench/scaling.py --parameters 11.7e6 --macs 1.82e9 --gflops 400
    bench/scaling.py --files 1.28e6 --file-kb 110

A step of N ranks takes the time of its part of the images and that of the sum. For the sum each rank sends
(N - 1) / N of its gradients, twice: once in parts to the ranks that add them up, once the part that it has
added up to all others. Values travel 4 Mi at a time; the two calls for these cost N - 1 latencies each, and the
header before them log2(N).

With --files a second table has the input files. When the data is opened, every rank decodes all files, to find
damaged ones and to agree on the splits; without pretrained weights it then reads all training images again for their
mean and deviation. A training step reads the images of the step once, each on the rank that computes it, unless they
are in that rank's memory (data.cache_mb), which has the first images of the split, the same on every rank.
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


def images_of_step(of, ranks):
    """All ranks together; fewer than ranks if --batch cannot be divided among so many."""
    return of.batch or ranks * of.images


def images_per_second(of, ranks, bits_per_second, latency):
    images = images_of_step(of, ranks)
    computing = seconds_computing(ceil(images / ranks), of.macs, of.gflops)
    return images / (computing + seconds_sending(ranks, of.parameters, bits_per_second, latency))


def share_in_memory(of):
    """The part of the images that a rank's memory for decoded images has room for, one byte per value."""
    return min(1.0, of.cache_mb * 2**20 / (of.files * of.values))


def bytes_at_the_start(of):
    """Of one rank. The statistics read the files again, since checking keeps no pixels."""
    return of.files * of.file_kb * 1e3 * (1 if of.pretrained else 2)


def print_speeds(of, ranks):
    alone = images_per_second(of, 1, *NETWORKS["1 Gbit/s"])
    print("| ranks | images per step | MB sent per rank | " + " | ".join(NETWORKS) + " |")
    print("|---:" * (3 + len(NETWORKS)) + "|")
    for count in ranks:
        speeds = [images_per_second(of, count, *network) / alone for network in NETWORKS.values()]
        cells = " | ".join(f"{speed:.1f}" for speed in speeds)
        sent = bytes_sent(count, of.parameters) / 1e6
        print(f"| {count} | {images_of_step(of, count)} | {sent:.0f} | {cells} |")


def print_files(of, ranks):
    kept = share_in_memory(of)
    start = bytes_at_the_start(of)
    epoch = of.files * of.file_kb * 1e3
    decoding = of.decoded_per_s * of.file_kb / 1e6
    head = ["ranks", "TB at the start", "GB/s at the start", "GB per rank and epoch"]
    head += [f"MB/s, {name}" for name in NETWORKS] + ["MB/s after the first epoch"]
    print("\n| " + " | ".join(head) + " |")
    print("|---:" * len(head) + "|")
    for count in ranks:
        reads = [images_per_second(of, count, *network) * of.file_kb / 1e3 for network in NETWORKS.values()]
        cells = [f"{count * start / 1e12:.2f}", f"{count * decoding:,.1f}", f"{epoch / count / 1e9:.2f}"]
        cells += [f"{rate:,.0f}" for rate in [*reads, reads[-1] * (1 - kept)]]
        print(f"| {count} | " + " | ".join(cells) + " |")
    all_mb = ceil(of.files * of.values / 2**20)
    print("\nThe last column is for the fastest network.", end=" ")
    print(f"Each rank has {100 * kept:.1f} % of the images in memory; all need a data.cache_mb of {all_mb}.")
    print("With no other limit than the network, a rank reads at the start for")
    print(", ".join(f"{start * 8 / bits:,.0f} s at {name}" for name, (bits, _) in NETWORKS.items()) + ".")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parameters", type=float, default=11.7e6, help="of the network")
    parser.add_argument("--macs", type=float, default=1.82e9, help="multiply-adds of an image's forward pass")
    parser.add_argument("--gflops", type=float, default=400, help="what a rank computes")
    parser.add_argument("--images", type=int, default=64, help="images of a rank in a step")
    parser.add_argument("--batch", type=int, help="images of a step, divided among the ranks, instead")
    parser.add_argument("--files", type=float, help="image files of the data set, for the second table")
    parser.add_argument("--file-kb", type=float, default=110, help="mean size of a file in kB")
    parser.add_argument("--values", type=int, default=3 * 224 * 224, help="of an image at the network's size")
    parser.add_argument("--cache-mb", type=float, default=2048, help="data.cache_mb of a rank, in MiB")
    parser.add_argument("--decoded-per-s", type=float, default=10_000, help="files that a rank decodes per second")
    parser.add_argument("--pretrained", action="store_true", help="with --from, which needs no mean and deviation")
    of = parser.parse_args()
    ranks = [count for count in RANKS if images_of_step(of, count) >= count]
    print_speeds(of, ranks)
    if of.files:
        print_files(of, ranks)


if __name__ == "__main__":
    main()
