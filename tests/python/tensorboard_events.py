"""Reads a run's events with TensorBoard and compares them with its metrics.csv."""

import csv
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run, steps = Path(sys.argv[1]), int(sys.argv[2])
everything = {"scalars": 0, "images": 0}
train, val = (EventAccumulator(str(run / "tensorboard" / split), everything) for split in ("train", "val"))
train.Reload()
val.Reload()
rows = list(csv.DictReader(open(run / "metrics.csv")))
columns = [
    (train, "loss", "train_loss"),
    (train, "top1", "train_top1"),
    (train, "learning_rate", "learning_rate"),
    (val, "loss", "val_loss"),
    (val, "top1", "val_top1"),
    (val, "top5", "val_top5"),
    (val, "mean_recall", "val_mean_recall"),
]
for events, tag, column in columns:
    found = events.Scalars(tag)
    assert [event.step for event in found] == [int(row["epoch"]) for row in rows], (tag, found)
    for event, row in zip(found, rows):
        assert np.float32(event.value) == np.float32(row[column]), (tag, event, row)
for event, row in zip(train.Scalars("images_per_second"), rows):
    assert abs(event.value - float(row["images_per_second"])) <= 0.06, (event, row)
assert len(val.Scalars("images_per_second")) == len(rows)
losses = train.Scalars("batch_loss")
assert [event.step for event in losses] == list(range(1, steps + 1)), losses
per_epoch = steps // len(rows)
for row in rows:
    end = int(row["epoch"]) * per_epoch
    assert all(np.isfinite(event.value) and event.value > 0 for event in losses[end - per_epoch : end])
for tag in ("curves", "confusion", "filters"):
    (image,) = train.Images(tag)
    assert image.encoded_image_string.startswith(b"\x89PNG") and image.width > 0 and image.height > 0, tag
print(f"{len(columns)} columns of {len(rows)} epochs and {len(losses)} steps are equal")
