//! Each kind of layer in PyTorch's words.

use receptive_model::{Activation, Edges, Operation, PlannedLayer, Shape};

/// The body of the module: what it keeps and what it does.
#[derive(Default)]
pub(super) struct Code {
    /// Lines of `__init__`.
    pub(super) modules: String,
    /// Lines of `forward`.
    pub(super) steps: String,
}

impl Code {
    pub(super) fn step(&mut self, line: impl AsRef<str>) {
        self.steps += &format!("        {}\n", line.as_ref());
    }

    fn module(&mut self, name: &str, made: &str) {
        self.modules += &format!("        self.{name} = {made}\n");
    }
}

/// The layers, each taking the variable `x` and leaving its output there.
pub(super) fn chain(code: &mut Code, layers: &[PlannedLayer], x: &str) {
    for planned in layers {
        layer(code, planned, x);
    }
}

fn layer(code: &mut Code, planned: &PlannedLayer, x: &str) {
    let name = planned.name.as_str();
    match &planned.operation {
        Operation::Conv2d {
            channels: [inputs, filters],
            kernel_size,
            strides,
            dilation,
            groups,
            bias,
            edges,
            activation,
            ..
        } => {
            let padding = even(edges);
            if padding.is_none() {
                code.step(format!("{x} = F.pad({x}, {})", pads(edges)));
            }
            let mut made = format!("nn.Conv2d({inputs}, {filters}, {}", pair(kernel_size));
            made += &unusual(&[
                ("stride", *strides, [1, 1]),
                ("padding", padding.unwrap_or_default(), [0, 0]),
                ("dilation", *dilation, [1, 1]),
            ]);
            if *groups != 1 {
                made += &format!(", groups={groups}");
            }
            if !bias {
                made += ", bias=False";
            }
            code.module(name, &(made + ")"));
            code.step(format!("{x} = self.{name}({x})"));
            activate(code, x, *activation);
        }
        Operation::MaxPool2d {
            pool_size,
            strides,
            dilation,
            edges,
        } => {
            // PyTorch pads by half a window at most, and evenly.
            let padding = even(edges)
                .filter(|[height, width]| 2 * height <= pool_size[0] && 2 * width <= pool_size[1]);
            if padding.is_none() {
                let pads = pads(edges);
                code.step(format!("{x} = F.pad({x}, {pads}, value=float(\"-inf\"))"));
            }
            let mut call = format!("{x} = F.max_pool2d({x}, {}", pair(pool_size));
            call += &unusual(&[
                ("stride", *strides, *pool_size),
                ("padding", padding.unwrap_or_default(), [0, 0]),
                ("dilation", *dilation, [1, 1]),
            ]);
            code.step(call + ")");
        }
        Operation::AvgPool2d {
            pool_size,
            strides,
            edges,
        } => {
            let pool = |of: &str| {
                let (size, strides) = (pair(pool_size), pair(strides));
                format!("F.avg_pool2d({of}, {size}, {strides})")
            };
            if *edges == Edges::default() {
                code.step(format!("{x} = {}", pool(x)));
                return;
            }
            // Padded places do not count: the mean of the values over the share of real ones.
            let sum = pool(&format!("F.pad({x}, {})", pads(edges)));
            let share = pool(&format!("F.pad(torch.ones_like({x}), {})", pads(edges)));
            code.step(format!("{x} = {sum} / {share}"));
        }
        Operation::GlobalAvgPool2d => code.step(format!("{x} = {x}.mean((2, 3))")),
        Operation::BatchNorm {
            features,
            epsilon,
            momentum,
        } => {
            let kind = match planned.input {
                Shape::Map { .. } => "BatchNorm2d",
                Shape::Flat(_) => "BatchNorm1d",
            };
            code.module(
                name,
                &format!("nn.{kind}({features}, eps={epsilon}, momentum={momentum})"),
            );
            code.step(format!("{x} = self.{name}({x})"));
        }
        Operation::Activation(kind) => activate(code, x, Some(*kind)),
        Operation::Dropout { rate } => {
            code.step(format!("{x} = F.dropout({x}, {rate}, self.training)"));
        }
        Operation::Residual {
            body,
            projection,
            activation,
        } => {
            let shortcut = format!("shortcut_{}", planned.number.replace('.', "_"));
            code.step(format!("{shortcut} = {x}"));
            chain(code, projection, &shortcut);
            chain(code, body, x);
            code.step(format!("{x} = {x} + {shortcut}"));
            activate(code, x, *activation);
        }
        Operation::Flatten => code.step(format!("{x} = torch.flatten({x}, 1)")),
        Operation::Linear {
            inputs,
            units,
            activation,
            ..
        } => {
            code.module(name, &format!("nn.Linear({inputs}, {units})"));
            code.step(format!("{x} = self.{name}({x})"));
            activate(code, x, *activation);
        }
        // Parts of maps are only within cones, which are never exported.
        Operation::Crop { .. } => {}
    }
}

fn activate(code: &mut Code, x: &str, kind: Option<Activation>) {
    let function = match kind {
        Some(Activation::Relu) => format!("F.relu({x})"),
        Some(Activation::LeakyRelu) => {
            format!("F.leaky_relu({x}, {})", Activation::LEAKY_SLOPE)
        }
        Some(Activation::Gelu) => format!("F.gelu({x})"),
        Some(Activation::Tanh) => format!("torch.tanh({x})"),
        Some(Activation::Sigmoid) => format!("torch.sigmoid({x})"),
        None => return,
    };
    code.step(format!("{x} = {function}"));
}

/// Rows and columns of padding where both sides have the same.
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

/// The arguments that are not PyTorch's defaults.
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
