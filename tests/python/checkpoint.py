"""Writes checkpoint.pt, stem_of_21_characters.pt, nested.pt and checkpoint.json, which are committed beside
it."""

import json
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
(at / "checkpoint.json").write_text(json.dumps({"logits": logits}) + "\n")
