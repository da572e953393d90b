"""Times Keras on the networks of README.md and prints one line of JSON, as `receptive bench` does."""

import argparse
import json
import os
import resource
import time

parser = argparse.ArgumentParser()
parser.add_argument("network", choices=["fashion", "vgg", "photo"])
parser.add_argument("--backend", choices=["tensorflow", "jax", "torch"], default="tensorflow")
parser.add_argument("--infer", action="store_true")
parser.add_argument("--batch", type=int)
parser.add_argument("--steps", type=int, default=30)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
os.environ.update(
    KERAS_BACKEND=arguments.backend,
    TF_CPP_MIN_LOG_LEVEL="3",
    TF_NUM_INTRAOP_THREADS=str(arguments.threads),
    OMP_NUM_THREADS=str(arguments.threads),
)

import keras  # noqa: E402, only now, since it reads the environment
import numpy as np  # noqa: E402

L = keras.layers


def conv(filters, norm=False):
    layers = [L.Conv2D(filters, 3, padding="same", use_bias=not norm)]
    if norm:
        layers.append(L.BatchNormalization())
    return [*layers, L.ReLU()]


def vgg():
    stages = [[*conv(n, True), *conv(n, True), L.MaxPool2D(2)] for n in (64, 128, 256)]
    return [*sum(stages, []), L.GlobalAveragePooling2D(), L.Dense(10)]


def fashion():
    head = [L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10)]
    return [*conv(32), L.MaxPool2D(2), *conv(64), L.MaxPool2D(2), *head]


NETWORKS = {
    "fashion": (fashion, (28, 28, 1), 64),
    "vgg": (vgg, (32, 32, 3), 64),
    "photo": (lambda: [*conv(32), L.MaxPool2D(2)], (427, 640, 3), 2),
}
make, shape, usual = NETWORKS[arguments.network]
batch = arguments.batch or usual
network = keras.Sequential([L.Input(shape), *make()])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
network.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)
infer = arguments.infer or arguments.network == "photo"
images = np.random.default_rng(0).standard_normal(
    (batch * arguments.steps, *shape), dtype="float32"
)
labels = np.arange(len(images)) % 10


def run(count):
    if infer:
        network.predict(images[:count], batch_size=batch, verbose=0)
    else:
        network.fit(images[:count], labels[:count], batch_size=batch, verbose=0)


run(5 * batch)  # compiles, and warms up
times = []
for _ in range(3):
    began = time.perf_counter()
    run(len(images))
    times.append(time.perf_counter() - began)
print(
    json.dumps(
        {
            "peer": f"keras {keras.__version__}",
            "network": arguments.network,
            "mode": arguments.backend,
            "batch": batch,
            "threads": arguments.threads,
            "what": "infer" if infer else "train",
            "images_per_s": round(len(images) / min(times), 1),
            "ms_per_step": round(min(times) / arguments.steps * 1e3, 2),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }
    )
)
