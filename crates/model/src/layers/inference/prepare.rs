//! Conversion of layers to inference steps.

use super::{PackedConv, Step};
use crate::geometry::Shape;
use crate::layers::activation::Activation;
use crate::layers::avg_pool2d::{Averaging, AvgPool2dOp};
use crate::layers::join::Join;
use crate::layers::kernels;
use crate::layers::kind::LayerValues;
use crate::layers::{Branch, Layer, Operation, PlannedLayer};
use burn::nn::conv;
use receptive_kernels::Rectifier;
use receptive_kernels::frozen::Conv2dGradient;
use receptive_kernels::inference::{Conv2d, Dense};

/// The steps of these layers. Parameters are read now: later changes to them have no effect.
pub(crate) fn steps<C: PackedConv>(layers: &[Layer], planned: &[PlannedLayer]) -> Vec<Step<C>> {
    let mut steps = sequence(layers, planned);
    end_in_planes(&mut steps);
    steps
}

/// Lets a convolution at the end write planes if that is supported: they are needed next.
fn end_in_planes<C: PackedConv>(steps: &mut [Step<C>]) {
    if let Some(Step::Conv2d(conv)) = steps.last_mut()
        && let Some(same) = conv.in_planes()
    {
        *conv = same;
    }
}

/// The steps of a network or of one branch.
fn sequence<C: PackedConv>(layers: &[Layer], planned: &[PlannedLayer]) -> Vec<Step<C>> {
    let mut steps = Vec::new();
    let count = layers.len().min(planned.len());
    let mut at = 0;
    while at < count {
        at += next(&layers[at..count], &planned[at..count], &mut steps);
    }
    steps
}

/// Appends the step of the first layer, fused with as many of the next ones as possible; returns
/// the number of layers.
fn next<C: PackedConv>(
    layers: &[Layer],
    planned: &[PlannedLayer],
    steps: &mut Vec<Step<C>>,
) -> usize {
    let (layer, plan) = (&layers[0], &planned[0]);
    let by_burn = || Step::Layer(Box::new((layer.clone(), plan.clone())));
    if C::HAS_GRADIENT && !has_gradient(&plan.operation) {
        steps.push(by_burn());
        return 1;
    }
    match (layer, &plan.operation) {
        (Layer::Conv2d(conv), Operation::Conv2d(op)) => {
            return convolution(conv, op.activation, layers, planned, steps);
        }
        (Layer::BatchNorm(norm), _) => {
            let [scale, shift] = affine(&layer.values(), norm.epsilon);
            let rectifier = rectifier_at(planned, 1);
            steps.push(Step::Affine {
                scale,
                shift,
                rectifier: rectifier.unwrap_or_default(),
            });
            return 1 + usize::from(rectifier.is_some());
        }
        (Layer::LayerNorm(_), Operation::LayerNorm(op)) => {
            let LayerValues {
                gamma, mut beta, ..
            } = layer.values();
            beta.resize(gamma.len(), 0.0);
            let epsilon = op.epsilon as f32;
            steps.push(Step::LayerNorm {
                gamma,
                beta,
                epsilon,
            });
        }
        (Layer::Linear(_), Operation::Linear(op)) => {
            let LayerValues { weight, bias, .. } = layer.values();
            let bias = (!bias.is_empty()).then_some(bias);
            let own = op.activation.and_then(Activation::rectifier);
            let shape = [op.inputs, op.units];
            let rectifier = own.unwrap_or_default();
            steps.push(Step::Dense(Dense::new(&weight, shape, bias, rectifier)));
            steps.extend(other(op.activation));
        }
        (Layer::MaxPool2d(pool), Operation::MaxPool2d(op)) => {
            let rectifier = rectifier_at(planned, 1);
            let options =
                kernels::max_pool2d_options(pool, &op.edges, rectifier.unwrap_or_default());
            steps.push(Step::MaxPool(options, plan.output));
            return 1 + usize::from(rectifier.is_some());
        }
        (Layer::AvgPool2d(_), Operation::AvgPool2d(op)) => {
            steps.push(average(op, plan.input).unwrap_or_else(by_burn));
        }
        (Layer::GlobalAvgPool2d(_), _) => steps.push(Step::GlobalAverage),
        (Layer::Flatten(_), _) => {
            end_in_planes(steps);
            steps.push(Step::Reshape(plan.output));
        }
        (Layer::Dropout(_) | Layer::StochasticDepth(_), _) => {}
        (_, Operation::Crop(op)) => {
            let units = [op.rows.clone(), op.columns.clone()];
            steps.push(Step::Crop(units, plan.output));
        }
        (Layer::Activation(_), Operation::Activation(op)) => {
            steps.push(activation(op.activation));
        }
        (Layer::Residual(_) | Layer::Branches(_), Operation::Branches(op)) => {
            let own = op.activation.and_then(Activation::rectifier);
            let branches = branches(layer, &op.branches);
            steps.push(joined(
                branches,
                op.join,
                own.unwrap_or_default(),
                plan.output,
            ));
            steps.extend(other(op.activation));
        }
        _ => steps.push(by_burn()),
    }
    1
}

/// An average pool as a convolution, if it is one.
fn average<C: PackedConv>(pool: &AvgPool2dOp, input: Shape) -> Option<Step<C>> {
    let Shape::Map {
        channels,
        height,
        width,
    } = input
    else {
        return None;
    };
    let Averaging {
        shape,
        share,
        options,
    } = pool.convolution(channels)?;
    let weight = vec![share; shape.iter().product()];
    let input = [channels, height, width];
    let conv = Conv2d::new(input, &weight, shape, None, options);
    let gradient = || Conv2dGradient::new(input, &weight, shape, options);
    Some(Step::Conv2d(C::new(conv, gradient)))
}

/// Whether the gradient of these layers' steps is supported.
fn has_gradient(operation: &Operation) -> bool {
    match operation {
        Operation::Linear(_)
        | Operation::GlobalAvgPool2d(_)
        | Operation::Flatten(_)
        | Operation::LayerNorm(_) => false,
        Operation::Branches(op) => op.join != Join::Multiply,
        _ => true,
    }
}

fn branches<C: PackedConv>(layer: &Layer, planned: &[Branch]) -> Vec<Vec<Step<C>>> {
    let each = layer.branches().into_iter().zip(planned);
    each.map(|(layers, branch)| sequence(layers, &branch.layers))
        .collect()
}

/// Joins branches. Where possible, the last convolution of the first branch adds the second to its
/// output.
fn joined<C: PackedConv>(
    mut branches: Vec<Vec<Step<C>>>,
    join: Join,
    rectifier: Rectifier,
    output: Shape,
) -> Step<C> {
    if let (Join::Add, [body, shortcut]) = (join, &mut branches[..]) {
        match body.pop() {
            Some(Step::Conv2d(last)) if last.conv().is_linear() => {
                return Step::Residual {
                    shortcut: std::mem::take(shortcut),
                    body: std::mem::take(body),
                    last: last.with_rectifier(rectifier),
                };
            }
            last => body.extend(last),
        }
    }
    Step::Branches {
        branches,
        join,
        rectifier,
        output,
    }
}

/// A convolution with its own activation or, if it has none, with the batch norm and the activation
/// after it, as far as it supports them; then, after a rectifier or none, optionally a max pool.
fn convolution<C: PackedConv>(
    conv: &conv::Conv2d,
    own: Option<Activation>,
    layers: &[Layer],
    planned: &[PlannedLayer],
    steps: &mut Vec<Step<C>>,
) -> usize {
    let values = layers[0].values();
    let (mut weight, mut bias) = (values.weight, values.bias);
    let [filters, ..] = conv.weight.dims();
    let mut taken = 1;
    if let (None, Some(Layer::BatchNorm(norm))) = (own, layers.get(1)) {
        let [scale, shift] = affine(&layers[1].values(), norm.epsilon);
        bias.resize(filters, 0.0);
        let of_filter = (weight.len() / filters.max(1)).max(1);
        let each = weight.chunks_exact_mut(of_filter).zip(&mut bias);
        for ((weight, bias), (scale, shift)) in each.zip(scale.iter().zip(&shift)) {
            weight.iter_mut().for_each(|weight| *weight *= scale);
            *bias = *bias * scale + shift;
        }
        taken = 2;
    }
    let rectifier = match own {
        Some(activation) => activation.rectifier(),
        None => {
            let next = rectifier_at(planned, taken);
            taken += usize::from(next.is_some());
            next
        }
    };
    let (
        Shape::Map {
            channels,
            height,
            width,
        },
        Operation::Conv2d(op),
    ) = (planned[0].input, &planned[0].operation)
    else {
        unreachable!("a convolution takes maps");
    };
    let options = kernels::conv2d_options(conv, &op.edges, rectifier.unwrap_or_default());
    let bias = (!bias.is_empty()).then_some(bias);
    let shape = conv.weight.dims();
    let input = [channels, height, width];
    let step = C::new(Conv2d::new(input, &weight, shape, bias, options), || {
        Conv2dGradient::new(input, &weight, shape, options)
    });
    let smooth = match rectifier {
        None => own.or_else(|| activation_at(planned, taken)),
        Some(_) => None,
    };
    let step = match smooth.map(Activation::nonlinearity) {
        None => step,
        Some(smooth) => match step.with_nonlinearity(smooth) {
            Ok(whole) => {
                steps.push(Step::Conv2d(whole));
                return taken + usize::from(own.is_none());
            }
            Err(step) => step,
        },
    };
    let unfinished = own.filter(|_| rectifier.is_none());
    if let (None, Some(Layer::MaxPool2d(pool)), Some(Operation::MaxPool2d(op))) = (
        unfinished,
        layers.get(taken),
        planned.get(taken).map(|plan| &plan.operation),
    ) {
        let after = kernels::max_pool2d_options(pool, &op.edges, step.conv().rectifier());
        if let Some(pooled) = step.with_max_pool_2x2().filter(|_| after.is_2x2()) {
            steps.push(Step::Conv2d(pooled));
        } else {
            // Applied after the pool: there are fewer values and the result is the same.
            steps.push(Step::Conv2d(step.with_rectifier(Rectifier::None)));
            steps.push(Step::MaxPool(after, planned[taken].output));
        }
        return taken + 1;
    }
    steps.push(Step::Conv2d(step));
    steps.extend(unfinished.map(Step::Activation));
    taken
}

/// The activation at this index, if it is a rectifier, which the step before can end with.
fn rectifier_at(planned: &[PlannedLayer], at: usize) -> Option<Rectifier> {
    activation_at(planned, at)?.rectifier()
}

/// The activation at this index.
fn activation_at(planned: &[PlannedLayer], at: usize) -> Option<Activation> {
    match planned.get(at).map(|plan| &plan.operation) {
        Some(Operation::Activation(op)) => Some(op.activation),
        _ => None,
    }
}

/// A layer's own activation, if the kernels did not apply it.
fn other<C>(own: Option<Activation>) -> Option<Step<C>> {
    let other = own.filter(|own| own.rectifier().is_none());
    other.map(Step::Activation)
}

fn activation<C>(activation: Activation) -> Step<C> {
    match activation.rectifier() {
        Some(rectifier) => Step::Rectify(rectifier),
        None => Step::Activation(activation),
    }
}

/// The scale and shift equivalent to a batch norm with its running statistics.
fn affine(values: &LayerValues, epsilon: f64) -> [Vec<f32>; 2] {
    let variance = values.variance.iter().zip(&values.gamma);
    let scale: Vec<f32> = variance
        .map(|(variance, gamma)| gamma / (variance + epsilon as f32).sqrt())
        .collect();
    let shift = values.beta.iter().zip(&values.mean).zip(&scale);
    let shift = shift.map(|((beta, mean), scale)| beta - mean * scale);
    [scale.clone(), shift.collect()]
}
