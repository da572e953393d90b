//! The network as a PyTorch module: a small Python file that loads the safetensors file next to it.

mod layers;

use layers::{Code, chain};
use receptive_core::seal::sealed;
use receptive_model::{Artifact, Plan, Shape};

/// The source of a Python module whose `load()` returns the artifact's network in PyTorch with the
/// weights of the safetensors file `weights`.
pub fn to_python(artifact: &Artifact, weights: &str) -> String {
    sealed(lines(artifact, weights), ["# ", ""])
}

fn lines(artifact: &Artifact, weights: &str) -> String {
    let plan = artifact.model.plan();
    let input = &artifact.input;
    let mut code = Code::default();
    chain(&mut code, &plan.layers, "x");
    if is_map(plan) {
        code.step("x = torch.flatten(x, 1)");
    }
    let scales = if code.has_scales { SCALES } else { "" };
    let Code { modules, steps, .. } = code;
    let strings: Vec<String> = artifact.classes.iter().map(|name| quoted(name)).collect();
    let (channels, height, width) = (input.channels, input.height, input.width);
    format!(
        r#"{DOC}The network of {weights} in PyTorch, written by receptive {version}.

    model = load()
    logits = model(normalise(pixels))  # pixels: uint8 [batch, {height}, {width}, {channels}]

{preparation}.
{DOC}

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

CLASSES = [
{classes}
]
MEAN = {mean:?}
STD = {std:?}

{scales}
class Network(nn.Module):
    {DOC}[batch, {channels}, {height}, {width}] -> logits [batch, {count}].{DOC}

    def __init__(self):
        super().__init__()
{modules}
    def forward(self, x):
{steps}        return x


def load(path=Path(__file__).with_name({weights_name})):
    {DOC}The network with its trained weights, ready for inference.{DOC}
    model = Network()
    model.load_state_dict(load_file(path))
    return model.eval()


def normalise(pixels):
    {DOC}Converts uint8 pixels [batch, height, width, channels] to the network's input.{DOC}
    x = torch.as_tensor(pixels).permute(0, 3, 1, 2).float() / 255
    mean = torch.tensor(MEAN).view(1, -1, 1, 1)
    std = torch.tensor(STD).view(1, -1, 1, 1)
    return (x - mean) / std

"#,
        DOC = "\"\"\"",
        version = env!("CARGO_PKG_VERSION"),
        preparation = capital(&input.preparation()),
        classes = strings
            .iter()
            .map(|name| format!("    {name},"))
            .collect::<Vec<_>>()
            .join("\n"),
        mean = input.mean,
        std = input.std,
        count = plan.classes,
        weights_name = quoted(weights),
    )
}

/// PyTorch has no such layer.
const SCALES: &str = "
class ChannelScale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, *[1] * (x.ndim - 2))

";

fn is_map(plan: &Plan) -> bool {
    let last = plan.layers.last();
    last.is_some_and(|layer| matches!(layer.output, Shape::Map { .. }))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A Python string literal; JSON strings are valid ones.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_name_can_not_leave_its_string() {
        assert_eq!(quoted("a\"]\nimport os"), r#""a\"]\nimport os""#);
    }
}
