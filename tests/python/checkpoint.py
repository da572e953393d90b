"""Writes checkpoint.pt, stem_of_21_characters.pt, nested.pt, expanded.pt, subclass.pt, random.pt and
checkpoint.json, which are committed beside it."""

import json
from collections import defaultdict
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(0)
at = Path(__file__).parent
network = nn.Sequential()
network.features = nn.Sequential(
    nn.Conv2d(1, 3, 3, padding=1),
    nn.ReLU(),
    nn.BatchNorm2d(3),
    nn.Conv2d(3, 3, 3),
    nn.Conv2d(3, 3, 3),
)
network.classifier = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
with torch.no_grad():
    for _ in range(4):
        network(torch.rand(8, 1, 8, 8))
    network.eval()
    images = torch.tensor([i % 13 / 13 for i in range(128)]).view(2, 1, 8, 8)
    logits = network(images).flatten().tolist()
torch.save(network.state_dict(), at / "checkpoint.pt")
# The same in an archive whose entries have names of 30 characters and more: the zip reader needs help.
torch.save(network.state_dict(), at / "stem_of_21_characters.pt")
torch.save({"epoch": 3, "state_dict": network.state_dict()}, at / "nested.pt")
# Not read: 1 GiB of one value, a dictionary that is not a plain one, a tensor of bytes.
torch.save({"weight": torch.zeros(1).expand(2**28)}, at / "expanded.pt")
bias = {"bias": torch.zeros(3)}
torch.save({"state_dict": bias, "metrics": defaultdict(float, top1=0.5)}, at / "subclass.pt")
torch.save({"state_dict": bias, "state": torch.zeros(4, dtype=torch.uint8)}, at / "random.pt")
(at / "checkpoint.json").write_text(json.dumps({"logits": logits}) + "\n")
