"""Exports a network of torchvision or timm with random weights as ONNX, and prints the shape of a batch as a line of
JSON. A program of its own, so that PyTorch is not in the memory of the programs that time the file."""

import argparse
import json

import torch

from networks import chosen

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("network")
parser.add_argument("path", help="of the ONNX file")
parser.add_argument("--batch", type=int, help="images of the batch [default: the network's own]")
parser.add_argument("--size", type=int, help="height and width [default: the network's own]")
given = parser.parse_args()

torch.manual_seed(0)
network, image, usual = chosen(given.network, given.size)
shape = [given.batch or usual, *image]
torch.onnx.export(network.eval(), (torch.randn(shape),), given.path, dynamo=False, verbose=False)
print(json.dumps(shape))
