"""Measures a machine with a GPU: parity with flex, a training run, and training and inference compared with PyTorch
on the same card, without and with the Cargo feature `autotune`. Writes OUT/table.md after every step, and what it is
made of: results.jsonl, log.txt, the output of the parity suite, and the programs. A step that fails is recorded, and
the others continue; after an interruption, --resume does the rest."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout, suppress
from pathlib import Path

import gpu_table

ROOT = Path(__file__).resolve().parent.parent
BUILDS = ["plain", "autotune"]
TORCH_MODES = ["eager", "channels_last", "compile"]
TORCH_PRECISIONS = ["f32", "bf16"]

EPILOG = """It needs Rust, a C compiler, access to the crates' registry and a driver: for wgpu and vulkan the Vulkan loader and
the card's own driver for it (in a container, NVIDIA_DRIVER_CAPABILITIES must contain graphics). By default there are
six builds of ten to thirty minutes, four runs of the parity suite and about 160 measurements of seconds to --timeout.

Lists are one argument: --batches '64 512'. With `autotune`, each measurement begins with the tuning of its kernels,
which may take minutes; the environment variable CUBECL_AUTOTUNE_LEVEL=0 limits it.

To try this without a GPU, on lavapipe, Mesa's Vulkan driver for the CPU (Debian: mesa-vulkan-drivers), in a few
minutes in addition to the build:

    XDG_RUNTIME_DIR=/tmp bench/gpu.sh target/lavapipe --backends wgpu --builds plain --networks fashion \\
        --batches 4 --precisions 'f32 f16' --steps 2 --epochs 1 --limit 200 --device cpu

If there is a GPU too, VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json selects lavapipe.
"""


def settings():
    plain_text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="bench/gpu.sh", description=__doc__, epilog=EPILOG, formatter_class=plain_text
    )

    def option(name, default, text, type=str):
        # argparse converts a default that is a string, too.
        text += "" if default is None else f" [default: {default}]"
        parser.add_argument(f"--{name}", default=default, type=type, help=text.replace("%", "%%"))

    out = ROOT / "target/gpu"
    parser.add_argument("out", nargs="?", type=absolute, default=out, help="a folder [default: target/gpu]")
    parser.add_argument("--resume", action="store_true", help="measure only what OUT does not have yet")
    option("backends", "wgpu vulkan", "such as vulkan or wgpu:1; each is a Cargo feature too", str.split)
    option("builds", "plain autotune", "plain is without `autotune`; give only autotune to skip it", str.split)
    option("networks", "fashion vgg resnet18", "as for `receptive bench`", str.split)
    option("batches", "64 512", "images per step", counts)
    option("precisions", "f32 bf16 f16", "of training; - in the table if a device does not support one", str.split)
    option("steps", "30", "timed steps of each measurement", int)
    option("epochs", "3", "of the training run on fashion-mini; 0 leaves it out", int)
    option("limit", None, "training images of that run [default: all]", int)
    option("timeout", "600", "of a measurement or training run, in seconds", float)
    option("parity-timeout", "1800", "of the parity suite on one backend, in seconds", float)
    option("python", "python3", "an interpreter with torch and timm; without them PyTorch is left out", program)
    option("device", "cuda", "PyTorch's", str)
    option("receptive", None, "a program built before, in which {build} stands for plain or autotune", absolute)
    option(
        "parity",
        None,
        "a parity test built before, with {build} and {backend}; none leaves parity out",
        lambda text: text if text == "none" else absolute(text),
    )
    option(
        "peak-tflops",
        None,
        "the card's peak rate in 32-bit floats without tensor cores, in TFLOP/s, for a column with the bound: FP32 in "
        "the maker's data sheet (67 for an H100 SXM), or 2 x shader units x clock (an NVIDIA card's clock: nvidia-smi "
        "-q -d CLOCK, Max Clocks, SM); a CPU's (lavapipe): cargo run -p receptive-kernels --example machine",
        float,
    )
    of = parser.parse_args()
    unknown = set(of.builds) - set(BUILDS)
    if unknown or not of.builds:
        parser.error(f"--builds {' '.join(of.builds)}: expected plain, autotune or both")
    if of.receptive and len(of.builds) > 1 and "{build}" not in str(of.receptive):
        parser.error("--receptive names one program for two builds: use {build} in it, or give --builds with one")
    is_suite = of.parity and of.parity != "none"
    if is_suite and len(of.builds) > 1 and "{build}" not in str(of.parity):
        parser.error("--parity names one test for two builds: use {build} in it, or give --builds with one")
    if is_suite and len(of.backends) > 1 and "{backend}" not in str(of.parity):
        parser.error("--parity names one test for several backends: use {backend} in it, so that each has its process")
    return of


def counts(text):
    return [int(part) for part in text.split()]


def absolute(text):
    """Not resolved: the interpreter of a virtual environment is a link."""
    return Path(os.path.abspath(text))


def program(text):
    return absolute(text) if os.sep in text else text


def same(line):
    """What a line is about, without what came of it."""
    return json.dumps({name: value for name, value in line.items() if name not in ("result", "failed", "said", "code")})


class Measurements:
    def __init__(self, of):
        self.of = of
        of.out.mkdir(parents=True, exist_ok=True)
        self.path = of.out / "results.jsonl"
        known = self.path.read_text().splitlines() if of.resume and self.path.exists() else []
        known = [line for line in map(json.loads, known) if "result" in line]
        self.known = {same(line): line["result"] for line in known}
        self.path.write_text("".join(json.dumps(line) + "\n" for line in known))
        # Whether a build or the parity suite has; other failures are part of the table.
        self.has_failed = False
        self.log = (of.out / "log.txt").open("a+" if of.resume else "w+")

    def add(self, line):
        self.has_failed |= "failed" in line and line["kind"] in ("build", "parity")
        with self.path.open("a") as results:
            results.write(json.dumps(line) + "\n")
        with (self.of.out / "table.md").open("w") as table, redirect_stdout(table):
            gpu_table.print_all(self.path, self.of.peak_tflops)

    def step(self, line, command, timeout, cwd=ROOT, output=None):
        """Runs a command and adds the JSON that it prints to `line`, or why there is none. With `output` it prints
        text, to that file."""
        if same(line) in self.known:
            return self.known[same(line)]
        command = [str(part) for part in command]
        name = " ".join(str(part) for part in line.values())
        print(f"== {name}: {' '.join(command)}", file=sys.stderr)
        self.log.write(f"== {name}: {' '.join(command)}\n")
        self.log.flush()
        start = self.log.seek(0, os.SEEK_END)
        with open(output, "w+") if output else tempfile.TemporaryFile("w+") as printed:
            errors = subprocess.STDOUT if output else self.log
            try:
                code = ended(command, timeout, cwd, printed, errors)
                failure = None if code == 0 else failed(code)
            except subprocess.TimeoutExpired:
                code, failure = None, f"timed out after {timeout:.0f} s"
            except OSError as error:
                code, failure = None, str(error)
            printed.seek(0)
            text = printed.read()
        if failure is None and output is None:
            try:
                line = {**line, "result": json.loads(text.strip().splitlines()[-1])}
            except (IndexError, ValueError):
                failure = "it printed no JSON"
        elif failure is None:
            line = {**line, "result": "passed"}
        if failure is not None:
            self.log.seek(start)
            said = (text if output else self.log.read()).strip().splitlines()
            line = {**line, "failed": failure, "said": said[-1] if said else "", "code": code}
            print(f"   {failure}; see {output or self.log.name}", file=sys.stderr)
        self.log.seek(0, os.SEEK_END)
        self.add(line)
        return line.get("result")


def ended(command, timeout, cwd, printed, errors):
    """The exit code of a command. Afterwards nothing that it started is running."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=printed, stderr=errors, cwd=cwd, start_new_session=True
    )
    try:
        return process.wait(timeout)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # A process that waits for a driver may not even end by this signal; it must not hold up the others.
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def failed(code):
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}"
    return f"ended by signal {-code}"


def built(measurements, name, command, to):
    """Builds a program or test and copies it, since the next build has the same path; None if that fails."""
    if command is None:
        return to
    print(f"== {' '.join(command)}", file=sys.stderr)
    # No timeout: a first build takes long, and cannot hang in a driver.
    try:
        build = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        measurements.add({"kind": "build", "of": to.name, "failed": str(error), "said": "", "code": None})
        return None
    messages = [json.loads(line) for line in build.stdout.splitlines() if line.startswith("{")]
    programs = [one["executable"] for one in messages if one.get("executable") and one["target"]["name"] == name]
    if build.returncode != 0 or not programs:
        failure = {"failed": "the build failed", "said": "", "code": build.returncode}
        measurements.add({"kind": "build", "of": to.name, **failure})
        return None
    shutil.copy(programs[-1], to)
    return to


def cargo(arguments, features):
    features = ["--features", ",".join(features)] if features else []
    return ["cargo", *arguments, "--locked", "--message-format=json-render-diagnostics", *features]


def kinds_of(of):
    """The backends without their device's index, each once."""
    return list(dict.fromkeys(backend.split(":")[0] for backend in of.backends))


def features_of(build, kinds):
    """flex is a default feature."""
    return [kind for kind in kinds if kind != "flex"] + (["autotune"] if build == "autotune" else [])


def measure_parity(of, measurements, build, kind):
    if of.parity:
        test = Path(str(of.parity).replace("{build}", build).replace("{backend}", kind))
        command = None
    else:
        # With one backend compiled in, since the suite tests all of them in one process, and a driver may crash.
        test = of.out / f"parity-{build}-{kind}"
        features = [f"receptive-tests/{feature}" for feature in features_of(build, [kind])]
        command = cargo(["test", "--no-run", "-p", "receptive-tests", "--test", "parity"], features)
    test = built(measurements, "parity", command, test)
    if test:
        line = {"kind": "parity", "program": build, "backend": kind}
        output = of.out / f"parity-{build}-{kind}.txt"
        measurements.step(line, [test, "--nocapture"], of.parity_timeout, ROOT / "tests", output)


def measure_receptive(of, measurements, build, receptive):
    for kind in kinds_of(of) if of.parity != "none" else []:
        if kind != "flex":
            measure_parity(of, measurements, build, kind)
    for backend in of.backends:
        common = {"program": build, "backend": backend}
        for precision in of.precisions:
            on = ["--backend", backend, "--precision", precision]
            if of.epochs:
                with tempfile.TemporaryDirectory(dir=of.out) as folder:
                    train = [receptive, "train", "fashion-mini", "--epochs", of.epochs, *on, "--tui", "off", "--json"]
                    train += ["--run-dir", Path(folder) / "run"]
                    train += ["--limit", of.limit] if of.limit else []
                    line = {"kind": "training", **common, "precision": precision}
                    measurements.step(line, train, of.timeout)
            bench(of, measurements, "train", {**common, "precision": precision}, [receptive, "bench"], [*on, "--json"])
        infer = ["--infer", "--backend", backend, "--json"]
        bench(of, measurements, "infer", {**common, "precision": "f32"}, [receptive, "bench"], infer)


def measure_torch(of, measurements):
    check = (
        "import torch, sys, json\n"
        "if sys.argv[1] != 'cpu' and not torch.cuda.is_available(): sys.exit('PyTorch finds no GPU')\n"
        "print(json.dumps(True))"
    )
    line = {"kind": "PyTorch", "device": of.device}
    if not measurements.step(line, [of.python, "-c", check, of.device], of.timeout):
        print(f"{of.python} has no PyTorch for {of.device}: its columns stay empty", file=sys.stderr)
        return
    start = [of.python, ROOT / "bench/torch_peer.py"]
    for mode in TORCH_MODES:
        common = {"program": "PyTorch", "mode": mode}
        end = ["--mode", mode, "--device", of.device]
        for precision in TORCH_PRECISIONS:
            line = {**common, "precision": precision}
            bench(of, measurements, "train", line, start, [*end, "--precision", precision])
        bench(of, measurements, "infer", {**common, "precision": "f32"}, start, [*end, "--infer"])


def bench(of, measurements, what, common, start, end):
    for network in of.networks:
        for batch in of.batches:
            line = {"kind": what, **common, "network": network, "batch": batch}
            command = [*start, network, "--batch", batch, "--steps", of.steps, *end]
            measurements.step(line, command, of.timeout)


def main():
    of = settings()
    measurements = Measurements(of)
    for build in of.builds:
        if of.receptive:
            command, receptive = None, Path(str(of.receptive).replace("{build}", build))
        else:
            receptive = of.out / f"receptive-{build}"
            command = cargo(["build", "-p", "receptive"], features_of(build, kinds_of(of)))
        receptive = built(measurements, "receptive", command, receptive)
        if receptive is None:
            continue
        measurements.step({"kind": "devices", "program": build}, [receptive, "backends", "--json"], of.timeout)
        for network in of.networks if build == of.builds[-1] else []:
            # Those of the networks that only `receptive bench` has are in gpu_table.py.
            if network not in ("fashion", "photo"):
                line = {"kind": "network", "network": network}
                measurements.step(line, [receptive, "networks", network, "--json"], of.timeout)
        measure_receptive(of, measurements, build, receptive)
    measure_torch(of, measurements)
    gpu_table.print_all(measurements.path, of.peak_tflops)
    if measurements.has_failed:
        raise SystemExit("a build or the parity suite failed")


if __name__ == "__main__":
    main()
