"""Runs `receptive bench` and its peers alternately and prints medians and ratios: see README.md."""

import argparse
import json
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODES = ["eager", "channels_last", "compile"]
KERAS_BACKENDS = ["tensorflow", "jax"]
CPU_BACKENDS = ["flex", "ndarray"]


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a whole number from 1")
    return number


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "networks", nargs="*", help="after -- [default: fashion vgg, and photo and erf where they apply]"
)
parser.add_argument("--python", default="python3", help="an interpreter with torch")
parser.add_argument("--keras", help="an interpreter with keras, tensorflow-cpu and jax")
parser.add_argument("--program", default=ROOT / "target/debug/receptive", help="receptive [default: %(default)s]")
parser.add_argument("--modes", nargs="*", default=MODES, choices=MODES, help="PyTorch's [default: all three]")
parser.add_argument("--rounds", type=positive, default=5, help="turns of all programs [default: %(default)s]")
parser.add_argument("--steps", type=positive, default=30, help="steps of each turn [default: %(default)s]")
parser.add_argument("--threads", type=positive, default=2, help="[default: %(default)s]")
parser.add_argument("--batch", type=positive, help="images per step, instead of each network's own")
parser.add_argument("--size", type=positive, help="height and width, for networks of timm and torchvision")
parser.add_argument("--infer", action="store_true", help="inference instead of training")
parser.add_argument("--erf", choices=["last", "all"], help="receptive fields of the last layer with maps, or of all")
parser.add_argument("--checkpointing", action="store_true", help="receptive computes outputs again, in training")
parser.add_argument("--ort", action="store_true", help="ONNX Runtime too, with --infer")
parser.add_argument("--openvino", action="store_true", help="OpenVINO too, with --infer")
parser.add_argument("--backend", help="receptive's, such as vulkan or wgpu:1, on a GPU [default: receptive's own]")
parser.add_argument("--device", help="PyTorch's: cpu, cuda, cuda:1 [default: cpu]")
parser.add_argument(
    "--precision", choices=["f32", "bf16", "f16"], help="of training; f16 only if --modes names none [default: f32]"
)
arguments = parser.parse_args()
if arguments.erf and (arguments.infer or arguments.checkpointing or arguments.keras):
    parser.error("--erf excludes --infer, --checkpointing and --keras")
if (arguments.ort or arguments.openvino) and not arguments.infer:
    parser.error("--ort and --openvino need --infer")
if arguments.infer and (arguments.checkpointing or "erf" in arguments.networks):
    parser.error("--infer excludes --checkpointing and erf")
in_other_programs = arguments.keras or arguments.ort or arguments.openvino
is_gpu = bool(arguments.backend) and arguments.backend.split(":")[0] not in CPU_BACKENDS
is_torch_gpu = arguments.device not in (None, "cpu")
if in_other_programs and (is_gpu or is_torch_gpu or arguments.precision not in (None, "f32")):
    parser.error(
        "Keras, ONNX Runtime and OpenVINO are timed on the CPU in 32 bits; leave out --keras, --ort and --openvino, "
        "or --backend, --device and --precision"
    )
if arguments.device and not arguments.modes:
    parser.error("--device is PyTorch's, but --modes names no mode; leave it out")
if is_gpu and arguments.modes and not arguments.device:
    parser.error(
        f"--backend {arguments.backend} is for a GPU: give PyTorch's --device too (cuda; cpu if the backend runs on "
        "lavapipe), or --modes without names"
    )
if is_torch_gpu and not is_gpu:
    parser.error(f"--device {arguments.device} is a GPU: give receptive's --backend too, such as vulkan")
if arguments.precision and (arguments.infer or arguments.erf or {"photo", "erf"} & set(arguments.networks)):
    parser.error("--precision applies to training; leave out --infer, --erf and the networks photo and erf")
if arguments.precision == "f16" and arguments.modes:
    parser.error("torch_peer.py has f32 and bf16 only; give --modes without names to time receptive alone")
if not Path(arguments.program).exists():
    parser.error(f"{arguments.program} does not exist; build it with `cargo build`, or give --program")
if not arguments.networks:
    arguments.networks = ["fashion", "vgg"]
    if not arguments.precision:
        arguments.networks += ["photo"] if arguments.infer else ["photo", "erf"]


def measured(command):
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{ran.stderr}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


common = ["--steps", str(arguments.steps), "--threads", str(arguments.threads)]
if arguments.infer:
    common.append("--infer")
for name in ["batch", "size", "erf"]:
    if getattr(arguments, name):
        common += [f"--{name}", str(getattr(arguments, name))]
precision = ["--precision", arguments.precision] if arguments.precision else []
backend = ["--backend", arguments.backend] if arguments.backend else []
device = ["--device", arguments.device] if arguments.device else []
print(f"{'network':<22}{'what':<7}{'program':<18}{'images/s':>10}{'spread':>14}{'MiB':>7}{'ratio':>8}")
for network in arguments.networks:
    runs = {}
    for _ in range(arguments.rounds):
        ours = [arguments.program, "bench", network, *common, *precision, *backend, "--json"]
        if arguments.checkpointing:
            ours.append("--checkpointing")
        runs.setdefault("receptive", []).append(measured(ours))
        for mode in arguments.modes:
            peer = [arguments.python, ROOT / "bench/torch_peer.py", network, "--mode", mode]
            peer += [*common, *precision, *device]
            runs.setdefault(mode, []).append(measured(peer))
        for peer, name in [("ort", "onnxruntime"), ("openvino", "openvino")]:
            if getattr(arguments, peer) and arguments.infer:
                command = [arguments.python, ROOT / f"bench/{peer}_peer.py", network, *common]
                runs.setdefault(name, []).append(measured(command))
        for of_keras in KERAS_BACKENDS if arguments.keras and network != "erf" else []:
            peer = [arguments.keras, ROOT / "bench/keras_peer.py", network]
            peer += ["--backend", of_keras, *common]
            runs.setdefault(f"keras {of_keras}", []).append(measured(peer))
    medians = {
        name: statistics.median(run["images_per_s"] for run in all_) for name, all_ in runs.items()
    }
    others = {name: median for name, median in medians.items() if name != "receptive"}
    for name, all_ in runs.items():
        speeds = sorted(run["images_per_s"] for run in all_)
        memory = statistics.median(run["peak_rss_mb"] for run in all_)
        ratio = f"{medians['receptive'] / medians[name]:.2f}" if name != "receptive" else ""
        spread = f"{speeds[0]:.0f}-{speeds[-1]:.0f}"
        print(
            f"{network:<22}{all_[0]['what']:<7}{name:<18}{medians[name]:>10.1f}{spread:>14}"
            f"{memory:>7.0f}{ratio:>8}"
        )
    if others:
        fastest = max(others, key=others.get)
        ratio = medians["receptive"] / others[fastest]
        print(f"{network:<22}receptive / the fastest other, {fastest}: {ratio:.2f}\n", flush=True)
