//! One layer of a classifier, built from what the plan worked out.

use super::Features;
use super::dropout::DropoutKey;
use super::init::Weights;
use super::kernels::{activated, conv2d, max_pool2d};
use super::sequence::through;
use super::statistics::{BatchStatistics, merge};
use super::watched::Watch;
use crate::plan::{Edges, Operation, PlannedLayer};
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, AvgPool2d, AvgPool2dConfig, MaxPool2d,
    MaxPool2dConfig,
};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Initializer, Linear, LinearConfig,
    PaddingConfig2d,
};
use burn::tensor::Tensor;

/// A layer: burn's own modules, with the activation that the config gave it.
#[derive(Module, Debug)]
pub(super) enum Layer {
    Conv2d(Conv2d),
    MaxPool2d(MaxPool2d),
    AvgPool2d(AvgPool2d),
    GlobalAvgPool2d(AdaptiveAvgPool2d),
    BatchNorm(BatchNorm),
    Dropout(Dropout),
    Residual(Residual),
    Linear(Linear),
    /// `activation` and `flatten`: nothing to keep.
    Plain(Plain),
}

#[derive(Module, Debug)]
pub(super) struct Residual {
    body: Vec<Layer>,
    projection: Vec<Layer>,
}

#[derive(Module, Debug, Default)]
pub(super) struct Plain {
    /// burn's derive wants a field; this one is not a parameter and not in a record.
    #[module(skip)]
    nothing: (),
}

/// One pass through the layers: whose randomness, and how far.
pub(super) struct Pass<'a> {
    keyed: Option<Keyed>,
    until: Option<&'a str>,
    found: Option<Features>,
    watch: Option<Watch<'a>>,
}

struct Keyed {
    key: DropoutKey,
    dropouts: u64,
    statistics: Vec<BatchStatistics>,
}

impl<'a> Pass<'a> {
    /// burn's own behaviour: the generator of the process, running statistics updated in place.
    pub(super) fn burn() -> Self {
        Self {
            keyed: None,
            until: None,
            found: None,
            watch: None,
        }
    }

    pub(super) fn until(number: &'a str) -> Self {
        Self {
            until: Some(number),
            ..Self::burn()
        }
    }

    pub(super) fn watching(number: &'a str) -> Self {
        Self {
            watch: Some(Watch::new(number)),
            ..Self::burn()
        }
    }

    pub(super) fn keyed(key: DropoutKey) -> Self {
        Self {
            keyed: Some(Keyed {
                key,
                dropouts: 0,
                statistics: Vec::new(),
            }),
            ..Self::burn()
        }
    }

    pub(super) fn is_found(&self) -> bool {
        self.found.is_some()
    }

    /// Whether the output of one layer is asked for.
    pub(super) fn is_searching(&self) -> bool {
        self.until.is_some() || self.watch.is_some()
    }

    /// Where a training step's batch norms leave what they saw.
    pub(super) fn statistics(&mut self) -> Option<&mut Vec<BatchStatistics>> {
        self.keyed.as_mut().map(|keyed| &mut keyed.statistics)
    }

    pub(super) fn found(self) -> Option<Features> {
        self.found
    }

    pub(super) fn watched(self) -> Option<Watch<'a>> {
        self.watch
    }

    pub(super) fn into_statistics(self) -> Vec<BatchStatistics> {
        self.keyed.map(|keyed| keyed.statistics).unwrap_or_default()
    }
}

impl Layer {
    pub(super) fn new(planned: &PlannedLayer, weights: &mut Weights<'_>) -> Self {
        match &planned.operation {
            Operation::Conv2d {
                channels,
                kernel_size,
                strides,
                dilation,
                groups,
                bias,
                edges,
                gain,
                ..
            } => {
                let fan_in = channels[0] / groups * kernel_size[0] * kernel_size[1];
                let mut conv = Conv2dConfig::new(*channels, *kernel_size)
                    .with_stride(*strides)
                    .with_dilation(*dilation)
                    .with_groups(*groups)
                    .with_padding(explicit(edges))
                    .with_bias(*bias)
                    // Replaced right below; zeros cost nothing, since burn builds lazily.
                    .with_initializer(Initializer::Zeros)
                    .init(weights.device);
                let dims = [
                    channels[1],
                    channels[0] / groups,
                    kernel_size[0],
                    kernel_size[1],
                ];
                conv.weight = weights.normal(dims, fan_in, *gain);
                conv.bias = bias.then(|| weights.zeros(channels[1]));
                Self::Conv2d(conv)
            }
            Operation::MaxPool2d {
                pool_size,
                strides,
                dilation,
                edges,
            } => Self::MaxPool2d(
                MaxPool2dConfig::new(*pool_size)
                    .with_strides(*strides)
                    .with_dilation(*dilation)
                    .with_padding(explicit(edges))
                    .init(),
            ),
            Operation::AvgPool2d {
                pool_size,
                strides,
                edges,
            } => Self::AvgPool2d(
                AvgPool2dConfig::new(*pool_size)
                    .with_strides(*strides)
                    .with_padding(explicit(edges))
                    .with_count_include_pad(false)
                    .init(),
            ),
            Operation::GlobalAvgPool2d => {
                Self::GlobalAvgPool2d(AdaptiveAvgPool2dConfig::new([1, 1]).init())
            }
            Operation::BatchNorm {
                features,
                epsilon,
                momentum,
            } => Self::BatchNorm(
                BatchNormConfig::new(*features)
                    .with_epsilon(*epsilon)
                    .with_momentum(*momentum)
                    .init(weights.device),
            ),
            Operation::Dropout { rate } => Self::Dropout(DropoutConfig::new(*rate).init()),
            Operation::Residual {
                body, projection, ..
            } => Self::Residual(Residual {
                body: body.iter().map(|layer| Self::new(layer, weights)).collect(),
                projection: projection
                    .iter()
                    .map(|layer| Self::new(layer, weights))
                    .collect(),
            }),
            Operation::Linear {
                inputs,
                units,
                gain,
                ..
            } => {
                let mut linear = LinearConfig::new(*inputs, *units)
                    .with_initializer(Initializer::Zeros)
                    .init(weights.device);
                linear.weight = weights.normal([*inputs, *units], *inputs, *gain);
                linear.bias = Some(weights.zeros(*units));
                Self::Linear(linear)
            }
            Operation::Activation(_) | Operation::Crop { .. } | Operation::Flatten => Self::plain(),
        }
    }

    /// A layer that keeps nothing: the plan says what it does.
    pub(super) fn plain() -> Self {
        Self::Plain(Plain::default())
    }

    /// The same layer with the paddings of `planned`, and of a residual the branches that `branch`
    /// makes.
    pub(super) fn cut(
        &self,
        planned: &PlannedLayer,
        branch: impl Fn(&[PlannedLayer]) -> Vec<Self>,
    ) -> Self {
        let mut layer = self.clone();
        let padding = explicit(&planned.padding().unwrap_or_default());
        match (&mut layer, &planned.operation) {
            (Self::Conv2d(conv), _) => conv.padding = padding,
            (Self::MaxPool2d(pool), _) => pool.padding = padding,
            (Self::AvgPool2d(pool), _) => pool.padding = padding,
            (
                Self::Residual(residual),
                Operation::Residual {
                    body, projection, ..
                },
            ) => {
                residual.body = branch(body);
                residual.projection = branch(projection);
            }
            _ => {}
        }
        layer
    }

    /// A residual's branches, each with its part of the plan.
    pub(super) fn branches<'a, 'p>(
        &'a self,
        planned: &'p PlannedLayer,
    ) -> Option<[(&'a [Self], &'p [PlannedLayer]); 2]> {
        match (self, &planned.operation) {
            (
                Self::Residual(residual),
                Operation::Residual {
                    body, projection, ..
                },
            ) => Some([(&residual.body, body), (&residual.projection, projection)]),
            _ => None,
        }
    }

    pub(super) fn forward(
        &self,
        signal: Features,
        planned: &PlannedLayer,
        pass: &mut Pass<'_>,
    ) -> Features {
        let output = match (self, signal, &planned.operation) {
            (
                Self::Conv2d(conv),
                Features::Map(x),
                Operation::Conv2d {
                    edges, activation, ..
                },
            ) => Features::Map(conv2d(conv, x, edges, *activation)),
            (Self::MaxPool2d(pool), Features::Map(x), Operation::MaxPool2d { edges, .. }) => {
                Features::Map(max_pool2d(pool, x, edges))
            }
            (Self::AvgPool2d(pool), Features::Map(x), _) => Features::Map(pool.forward(x)),
            (Self::GlobalAvgPool2d(pool), Features::Map(x), _) => {
                Features::Flat(pool.forward(x).flatten(1, 3))
            }
            (Self::BatchNorm(norm), Features::Map(x), _) => Features::Map(normalise(norm, x, pass)),
            (Self::BatchNorm(norm), Features::Flat(x), _) => {
                Features::Flat(normalise(norm, x, pass))
            }
            (Self::Dropout(layer), Features::Map(x), _) => Features::Map(dropout(layer, x, pass)),
            (Self::Dropout(layer), Features::Flat(x), _) => Features::Flat(dropout(layer, x, pass)),
            (
                Self::Residual(residual),
                x,
                Operation::Residual {
                    body,
                    projection,
                    activation,
                },
            ) => {
                let sum = through(&residual.body, body, x.clone(), pass);
                let shortcut = through(&residual.projection, projection, x.clone(), pass);
                if pass.is_found() {
                    return x;
                }
                match (sum, shortcut) {
                    (Features::Map(a), Features::Map(b)) => {
                        Features::Map(activated(a + b, *activation))
                    }
                    (a, b) => Features::Flat(activated(a.flat() + b.flat(), *activation)),
                }
            }
            (Self::Linear(linear), x, Operation::Linear { activation, .. }) => {
                Features::Flat(activated(linear.forward(x.flat()), *activation))
            }
            (Self::Plain(_), x, Operation::Flatten) => Features::Flat(x.flat()),
            (Self::Plain(_), Features::Map(x), Operation::Activation(kind)) => {
                Features::Map(kind.forward(x))
            }
            (Self::Plain(_), Features::Flat(x), Operation::Activation(kind)) => {
                Features::Flat(kind.forward(x))
            }
            (Self::Plain(_), Features::Map(x), Operation::Crop { rows, columns }) => {
                let [batch, channels, _, _] = x.dims();
                Features::Map(x.slice([0..batch, 0..channels, rows.clone(), columns.clone()]))
            }
            (
                _,
                _,
                Operation::Conv2d { .. }
                | Operation::MaxPool2d { .. }
                | Operation::AvgPool2d { .. }
                | Operation::GlobalAvgPool2d
                | Operation::BatchNorm { .. }
                | Operation::Activation(_)
                | Operation::Dropout { .. }
                | Operation::Residual { .. }
                | Operation::Crop { .. }
                | Operation::Flatten
                | Operation::Linear { .. },
            ) => unreachable!(
                "layer {} is built as its plan says and gets the shape it says",
                planned.number
            ),
        };
        if pass.until == Some(planned.number.as_str()) {
            pass.found = Some(output.clone());
        }
        match &mut pass.watch {
            Some(watch) => watch.pass(&planned.number, output),
            None => output,
        }
    }

    /// Merges the shards' statistics into the batch norms, depth first, `norm` counting them.
    pub(super) fn merge_statistics(
        &mut self,
        shards: &[(f64, Vec<BatchStatistics>)],
        norm: &mut usize,
    ) {
        match self {
            // A frozen one saw nothing: it used its running statistics and keeps them.
            Self::BatchNorm(layer) if !layer.training.is_enabled() => {}
            Self::BatchNorm(layer) => {
                let seen: Vec<(f64, &BatchStatistics)> = shards
                    .iter()
                    .filter_map(|(share, all)| Some((*share, all.get(*norm)?)))
                    .collect();
                merge(layer, &seen);
                *norm += 1;
            }
            Self::Residual(residual) => {
                for layer in residual.body.iter_mut().chain(&mut residual.projection) {
                    layer.merge_statistics(shards, norm);
                }
            }
            Self::Conv2d(_)
            | Self::MaxPool2d(_)
            | Self::AvgPool2d(_)
            | Self::GlobalAvgPool2d(_)
            | Self::Dropout(_)
            | Self::Linear(_)
            | Self::Plain(_) => {}
        }
    }
}

fn normalise<const D: usize>(norm: &BatchNorm, x: Tensor<D>, pass: &mut Pass<'_>) -> Tensor<D> {
    let training = x.device().is_autodiff() && norm.training.is_enabled();
    let Some(keyed) = pass.keyed.as_mut().filter(|_| training) else {
        return norm.forward(x);
    };
    let seen =
        burn::tensor::module::batch_norm_train(x, norm.gamma.val(), norm.beta.val(), norm.epsilon);
    keyed.statistics.push(BatchStatistics {
        mean: seen.mean.without_autodiff(),
        variance: seen.variance.without_autodiff(),
    });
    seen.output
}

fn dropout<const D: usize>(layer: &Dropout, x: Tensor<D>, pass: &mut Pass<'_>) -> Tensor<D> {
    let training = x.device().is_autodiff() && layer.training.is_enabled() && layer.prob > 0.0;
    let Some(keyed) = pass.keyed.as_mut().filter(|_| training) else {
        return layer.forward(x);
    };
    let mask = keyed
        .key
        .mask(keyed.dropouts, layer.prob, x.dims(), &x.device());
    keyed.dropouts += 1;
    x * mask
}

/// burn's own `same` leaves dilation out, so the plan's numbers are always written out.
fn explicit(edges: &Edges) -> PaddingConfig2d {
    if *edges == Edges::default() {
        return PaddingConfig2d::Valid;
    }
    PaddingConfig2d::Explicit(edges.top, edges.left, edges.bottom, edges.right)
}
