//! Each kind of layer as PyTorch code.

use receptive_model::{
    Activation, AvgPool2dOp, BatchNormOp, BranchesOp, Conv2dOp, Edges, Join, LayerNormOp,
    MaxPool2dOp, Operation, PlannedLayer, Shape,
};

/// The body of the module.
#[derive(Default)]
pub(super) struct Code {
    /// Lines of `__init__`.
    pub(super) modules: String,
    /// Lines of `forward`.
    pub(super) steps: String,
    /// Whether it needs the class `ChannelScale`.
    pub(super) has_scales: bool,
}

impl Code {
    pub(super) fn step(&mut self, line: impl AsRef<str>) {
        self.steps += &format!("        {}\n", line.as_ref());
    }

    fn module(&mut self, name: &str, made: &str) {
        self.modules += &format!("        self.{name} = {made}\n");
    }
}

/// Appends the layers, which read and overwrite the variable `x`.
pub(super) fn chain(code: &mut Code, layers: &[PlannedLayer], x: &str) {
    for planned in layers {
        layer(code, planned, x);
    }
}

fn layer(code: &mut Code, planned: &PlannedLayer, x: &str) {
    let name = planned.name.as_str();
    match &planned.operation {
        Operation::Conv2d(op) => conv2d(code, name, op, x),
        Operation::MaxPool2d(op) => max_pool2d(code, op, x),
        Operation::AvgPool2d(op) => avg_pool2d(code, op, x),
        Operation::GlobalAvgPool2d(_) => code.step(format!("{x} = {x}.mean((2, 3))")),
        Operation::GlobalMaxPool2d(_) => code.step(format!("{x} = {x}.amax((2, 3))")),
        Operation::AdaptiveAvgPool2d(op) => {
            let size = [op.windows[0].len(), op.windows[1].len()];
            code.step(format!("{x} = F.adaptive_avg_pool2d({x}, {})", pair(&size)));
        }
        Operation::LayerNorm(op) => layer_norm(code, name, op, &planned.input, x),
        Operation::LocalResponseNorm(op) => code.step(format!(
            "{x} = F.local_response_norm({x}, {}, {}, {}, {})",
            op.size, op.alpha, op.beta, op.k
        )),
        Operation::Prelu(op) => {
            code.module(name, &format!("nn.PReLU({})", op.slopes));
            code.step(format!("{x} = self.{name}({x})"));
        }
        Operation::ChannelScale(op) => {
            code.has_scales = true;
            code.module(name, &format!("ChannelScale({})", op.channels));
            code.step(format!("{x} = self.{name}({x})"));
        }
        Operation::ChannelSlice(op) => {
            code.step(format!("{x} = {x}[:, {}:{}]", op.start, op.end));
        }
        Operation::ChannelShuffle(op) => {
            code.step(format!("{x} = F.channel_shuffle({x}, {})", op.groups));
        }
        Operation::StochasticDepth(op) => code.step(format!(
            "{x} = F.dropout({x}.new_ones(len({x}), *[1] * ({x}.ndim - 1)), {}, self.training) * {x}",
            op.rate
        )),
        Operation::BatchNorm(op) => batch_norm(code, name, op, &planned.input, x),
        Operation::Activation(op) => activate(code, x, Some(op.activation)),
        Operation::Dropout(op) => {
            code.step(format!("{x} = F.dropout({x}, {}, self.training)", op.rate));
        }
        Operation::Branches(op) => branches(code, planned, op, x),
        Operation::Flatten(_) => code.step(format!("{x} = torch.flatten({x}, 1)")),
        Operation::Linear(op) => {
            let bias = if op.bias { "" } else { ", bias=False" };
            let made = format!("nn.Linear({}, {}{bias})", op.inputs, op.units);
            code.module(name, &made);
            code.step(format!("{x} = self.{name}({x})"));
            activate(code, x, op.activation);
        }
        // Crops exist only in cones, which are never exported.
        Operation::Crop(_) => {}
    }
}

fn conv2d(code: &mut Code, name: &str, op: &Conv2dOp, x: &str) {
    let padding = even(&op.edges);
    if padding.is_none() {
        code.step(format!("{x} = F.pad({x}, {})", pads(&op.edges)));
    }
    let [inputs, filters] = op.channels;
    let mut made = format!("nn.Conv2d({inputs}, {filters}, {}", pair(&op.kernel_size));
    made += &unusual(&[
        ("stride", op.strides, [1, 1]),
        ("padding", padding.unwrap_or_default(), [0, 0]),
        ("dilation", op.dilation, [1, 1]),
    ]);
    if op.groups != 1 {
        made += &format!(", groups={}", op.groups);
    }
    if !op.bias {
        made += ", bias=False";
    }
    code.module(name, &(made + ")"));
    code.step(format!("{x} = self.{name}({x})"));
    activate(code, x, op.activation);
}

fn max_pool2d(code: &mut Code, op: &MaxPool2dOp, x: &str) {
    // PyTorch pads by at most half a window, and symmetrically.
    let [rows, columns] = op.pool_size;
    let padding =
        even(&op.edges).filter(|[height, width]| 2 * height <= rows && 2 * width <= columns);
    if padding.is_none() {
        let pads = pads(&op.edges);
        code.step(format!("{x} = F.pad({x}, {pads}, value=float(\"-inf\"))"));
    }
    let mut call = format!("{x} = F.max_pool2d({x}, {}", pair(&op.pool_size));
    call += &unusual(&[
        ("stride", op.strides, op.pool_size),
        ("padding", padding.unwrap_or_default(), [0, 0]),
        ("dilation", op.dilation, [1, 1]),
    ]);
    code.step(call + ")");
}

fn avg_pool2d(code: &mut Code, op: &AvgPool2dOp, x: &str) {
    let pool = |of: &str| {
        let (size, strides) = (pair(&op.pool_size), pair(&op.strides));
        format!("F.avg_pool2d({of}, {size}, {strides})")
    };
    if !op.zeros.is_none() {
        // This part of the padding counts in the mean.
        code.step(format!("{x} = F.pad({x}, {})", pads(&op.zeros)));
    }
    if op.edges.is_none() {
        code.step(format!("{x} = {}", pool(x)));
        return;
    }
    // Padding does not count: the mean including zeros, divided by the fraction of real values.
    let pads = pads(&op.edges);
    let sum = pool(&format!("F.pad({x}, {pads})"));
    let share = pool(&format!("F.pad(torch.ones_like({x}), {pads})"));
    code.step(format!("{x} = {sum} / {share}"));
}

fn batch_norm(code: &mut Code, name: &str, op: &BatchNormOp, input: &Shape, x: &str) {
    let kind = match input {
        Shape::Map { .. } => "BatchNorm2d",
        Shape::Flat(_) => "BatchNorm1d",
    };
    let (features, epsilon, momentum) = (op.features, op.epsilon, op.momentum);
    let made = format!("nn.{kind}({features}, eps={epsilon}, momentum={momentum})");
    code.module(name, &made);
    code.step(format!("{x} = self.{name}({x})"));
}

/// PyTorch normalises the last axes.
fn layer_norm(code: &mut Code, name: &str, op: &LayerNormOp, input: &Shape, x: &str) {
    let made = format!("nn.LayerNorm({}, eps={})", op.features, op.epsilon);
    code.module(name, &made);
    code.step(match input {
        Shape::Map { .. } => {
            format!("{x} = self.{name}({x}.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)")
        }
        Shape::Flat(_) => format!("{x} = self.{name}({x})"),
    });
}

/// The first branch uses `x` itself, each of the others its own variable.
fn branches(code: &mut Code, planned: &PlannedLayer, op: &BranchesOp, x: &str) {
    let number = planned.number.replace('.', "_");
    let mut variables = vec![x.to_string()];
    for branch in op.branches.iter().skip(1) {
        let variable = format!("branch_{number}_{}", branch.label);
        code.step(format!("{variable} = {x}"));
        variables.push(variable);
    }
    for (branch, variable) in op.branches.iter().zip(&variables).rev() {
        chain(code, &branch.layers, variable);
    }
    let is_map = |shape: &Shape| matches!(shape, Shape::Map { .. });
    for (branch, variable) in op.branches.iter().zip(&mut variables) {
        if is_map(&planned.output) && !is_map(&branch.output) {
            *variable += "[:, :, None, None]"; // one value per channel
        }
    }
    code.step(match op.join {
        Join::Add => format!("{x} = {}", variables.join(" + ")),
        Join::Concat => format!("{x} = torch.cat(({}), 1)", variables.join(", ")),
        Join::Multiply => format!("{x} = {}", variables.join(" * ")),
    });
    activate(code, x, op.activation);
}

fn activate(code: &mut Code, x: &str, kind: Option<Activation>) {
    let function = match kind {
        Some(Activation::Relu) => format!("F.relu({x})"),
        Some(Activation::LeakyRelu(slope)) => format!("F.leaky_relu({x}, {slope})"),
        Some(Activation::Gelu) => format!("F.gelu({x})"),
        Some(Activation::Tanh) => format!("torch.tanh({x})"),
        Some(Activation::Sigmoid) => format!("torch.sigmoid({x})"),
        Some(Activation::Relu6) => format!("F.relu6({x})"),
        Some(Activation::HardSwish) => format!("F.hardswish({x})"),
        Some(Activation::HardSigmoid) => format!("F.hardsigmoid({x})"),
        Some(Activation::Silu) => format!("F.silu({x})"),
        Some(Activation::Mish) => format!("F.mish({x})"),
        Some(Activation::Elu(alpha)) => format!("F.elu({x}, {alpha})"),
        Some(Activation::Clip([low, high])) => format!("torch.clamp({x}, {low:?}, {high:?})"),
        None => return,
    };
    code.step(format!("{x} = {function}"));
}

/// Rows and columns of padding if it is symmetric.
fn even(edges: &Edges) -> Option<[usize; 2]> {
    (edges.top == edges.bottom && edges.left == edges.right).then_some([edges.top, edges.left])
}

/// In the order of PyTorch's `pad`: the last axis first.
fn pads(edges: &Edges) -> String {
    let Edges {
        top,
        left,
        bottom,
        right,
    } = edges;
    format!("({left}, {right}, {top}, {bottom})")
}

/// The arguments that differ from PyTorch's defaults.
fn unusual(arguments: &[(&str, [usize; 2], [usize; 2])]) -> String {
    let said = arguments.iter().filter(|(_, value, usual)| value != usual);
    said.map(|(word, value, _)| format!(", {word}={}", pair(value)))
        .collect()
}

fn pair([height, width]: &[usize; 2]) -> String {
    if height == width {
        height.to_string()
    } else {
        format!("({height}, {width})")
    }
}
