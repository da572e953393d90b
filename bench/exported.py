"""What the peers that read ONNX files share: the arguments, the exported network, and the result's line of JSON."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy

WARM_UP = 3


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("network")
    parser.add_argument("--infer", action="store_true", required=True)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


@contextmanager
def exported(arguments):
    """The path of the network's ONNX file, and a batch of images."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        command = [sys.executable, Path(__file__).with_name("export_onnx.py"), arguments.network, path]
        for name in ["batch", "size"]:
            if getattr(arguments, name):
                command += [f"--{name}", str(getattr(arguments, name))]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise SystemExit(ran.stderr)
        shape = json.loads(ran.stdout.strip().splitlines()[-1])
        images = numpy.random.default_rng(0).standard_normal(shape, numpy.float32)
        yield path, images


def measure(arguments, peer, mode, images, run):
    """Times `run`, which computes the batch, and prints the result."""
    times = []
    for number in range(WARM_UP + arguments.steps):
        began = time.perf_counter()
        run()
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
    median = statistics.median(times)
    print(
        json.dumps(
            {
                "peer": peer,
                "network": arguments.network,
                "mode": mode,
                "batch": len(images),
                "threads": arguments.threads,
                "what": "infer",
                "images_per_s": round(len(images) / median, 1),
                "ms_per_step": round(median * 1e3, 2),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )
