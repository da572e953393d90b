//! How fast networks train and infer on this machine, on random images that lie in memory.
//!
//! The four networks are those that PyTorch and Keras are timed on beside it, see
//! `bench/README.md`; a run's own network is timed by `receptive train` itself.

use crate::config::Optimizer;
use crate::train::Learner;
use crate::{TrainConfig, TrainError, Workers};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::Batch;
use receptive_erf::{Network as Measured, Noise, Options, Probe, measure_layer};
use receptive_model::{
    Activation, Classifier, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, InputConfig,
    LinearLayer, MaxPool2dLayer, ModelConfig, Padding, Plan, presets,
};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

/// The networks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Two convolutions and pools on 28x28 grey pixels, then 128 and 10 units.
    Fashion,
    /// The preset `vgg` on 32x32 pixels: six convolutions with batch norm.
    Vgg,
    /// One convolution and pool on photographs of 427x640 pixels; inference alone.
    Photo,
    /// Receptive fields of 20 convolutions on 128x128 pixels.
    Erf,
}

/// What is done to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Forward, backward, an AdamW step, the loss read back.
    Train,
    /// Forward, the answers read back.
    Infer,
    /// The gradient of one unit with respect to one image.
    Erf,
}

/// What is to be timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// The network.
    pub network: Network,
    /// What is done to it.
    pub work: Work,
    /// Images a step.
    pub batch: usize,
    /// Steps that are timed, after a few that are not.
    pub steps: usize,
}

/// What one measurement found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timed {
    /// The median step's images a second.
    pub images_per_s: f64,
    /// The median step.
    pub ms_per_step: f64,
    /// The fastest and the slowest tenth of the steps.
    pub ms_p10_p90: [f64; 2],
    /// Of inference: each layer's share of the time, in the network's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerTime>,
}

/// One layer's part in a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerTime {
    /// Its name, such as `conv2d_1`.
    pub name: String,
    /// The median, in milliseconds.
    pub ms: f64,
    /// Billions of multiply-adds a second.
    pub gmacs_per_s: f64,
}

/// Steps before the clock is looked at: memory is mapped, kernels are chosen.
const WARM_UP: usize = 3;

impl Bench {
    /// Times it on a device, in threads as `workers` has them.
    ///
    /// # Errors
    /// When the network can't do that work, or a thread gives up.
    pub fn run(
        &self,
        device: &Device, // without autodiff
        on_cpu: bool,
        workers: &Workers,
    ) -> Result<Timed, TrainError> {
        match self.work {
            Work::Train => self.train(device, on_cpu, workers),
            Work::Infer => self.infer(device, workers),
            Work::Erf => self.erf(device),
        }
    }

    fn train(&self, device: &Device, on_cpu: bool, workers: &Workers) -> Result<Timed, TrainError> {
        if matches!(self.network, Network::Photo | Network::Erf) {
            return Err(TrainError::setting(
                &self.network.to_string(),
                "this network is only inferred or measured; train fashion or vgg",
            ));
        }
        let plan = self.network.plan()?;
        let device = device.clone().autodiff();
        let config = TrainConfig {
            batch_size: self.batch,
            label_smoothing: 0.0,
            optimizer: Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.0,
            },
            ..TrainConfig::default()
        };
        let model = plan.init(&device);
        let mut learner = Learner::of(model, &config, None, device, on_cpu, workers);
        let batch = self.images(plan.input(), plan.classes);
        let mut times = Vec::with_capacity(self.steps);
        for step in 0..WARM_UP + self.steps {
            let began = Instant::now();
            let gradients = learner.gradients(&batch, step as u64)?;
            let loss = gradients.loss.clone();
            learner = learner.update(gradients, 1e-3);
            let _: f32 = loss.into_scalar();
            if step >= WARM_UP {
                times.push(began.elapsed().as_secs_f64());
            }
        }
        Ok(self.timed(times, Vec::new()))
    }

    fn infer(&self, device: &Device, workers: &Workers) -> Result<Timed, TrainError> {
        let plan = self.network.plan()?;
        let model = plan.init(device);
        let batch = self.images(plan.input(), plan.classes);
        let shards = shards(&batch, workers.len());
        let layers = self.network.inferred(&plan);
        let pass = |shard: &Batch, layers: usize| -> Vec<f32> {
            let images = TensorData::new(shard.images.clone(), shard.shape);
            let x = Tensor::<4>::from_data(images, device);
            read(&model, x, layers)
        };
        let mut failed = None;
        let times = self.time(|| {
            let answers = workers.map(shards.len(), || (), |(), i| pass(&shards[i], layers));
            if let Err(reason) = answers {
                failed = Some(TrainError::Worker { step: 0, reason });
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(self.timed(times, self.by_layer(&plan, &model, &batch, layers, device)))
    }

    /// Each layer alone, on what the ones before it give, in one thread.
    fn by_layer(
        &self,
        plan: &Plan,
        model: &Classifier,
        batch: &Batch,
        layers: usize,
        device: &Device,
    ) -> Vec<LayerTime> {
        let one = shards(batch, batch.labels.len().div_ceil(8)).swap_remove(0);
        let images = one.labels.len();
        let x = Tensor::<4>::from_data(TensorData::new(one.images, one.shape), device);
        let mut before = 0.0;
        (1..=layers)
            .zip(&plan.layers)
            .map(|(count, layer)| {
                // Waited for, but not read back: that costs more for a larger map.
                let times = self.time(|| {
                    drop(model.forward_first(x.clone(), count));
                    let _ = device.sync();
                });
                let until = median(&times) * 1e3;
                let ms = (until - before).max(0.0);
                before = until;
                LayerTime {
                    name: layer.name.clone(),
                    ms,
                    gmacs_per_s: if ms > 0.0 {
                        (layer.macs * images) as f64 / ms / 1e6
                    } else {
                        0.0
                    },
                }
            })
            .collect()
    }

    fn erf(&self, device: &Device) -> Result<Timed, TrainError> {
        if self.network != Network::Erf {
            return Err(TrainError::setting(
                &self.network.to_string(),
                "receptive fields are timed on the network erf",
            ));
        }
        let plan = self.network.plan()?;
        let input = plan.input();
        let noise = Noise {
            shape: [input.channels, input.height, input.width],
            seed: 0,
        };
        let model = plan.init(device);
        let options = Options {
            samples: (self.batch * self.steps) as u64,
            noise: 0.0,
            ..Options::default()
        };
        let layer = ERF_LAYERS.to_string();
        let probe = Probe::central(&plan, &layer)?;
        let network = Measured::Given(&model);
        let began = Instant::now();
        let found = measure_layer(
            network,
            &layer,
            &probe,
            &noise,
            &options,
            device,
            &mut |_, _, _| (),
        )?;
        let seconds = began.elapsed().as_secs_f64();
        let per_step = seconds * self.batch as f64 / found.samples as f64;
        Ok(self.timed(vec![per_step], Vec::new()))
    }

    /// Random images with labels, as peers have them: in memory before the clock starts.
    fn images(&self, input: InputConfig, classes: usize) -> Batch {
        let InputConfig {
            channels,
            height,
            width,
        } = input;
        let mut state = 1u32;
        let values = (0..self.batch * channels * height * width).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        });
        Batch {
            images: values.collect(),
            labels: (0..self.batch).map(|i| i % classes).collect(),
            indices: (0..self.batch).collect(),
            shape: [self.batch, channels, height, width],
        }
    }

    /// The seconds of each step.
    fn time(&self, mut step: impl FnMut()) -> Vec<f64> {
        (0..WARM_UP).for_each(|_| step());
        (0..self.steps)
            .map(|_| {
                let began = Instant::now();
                step();
                began.elapsed().as_secs_f64()
            })
            .collect()
    }

    fn timed(&self, mut times: Vec<f64>, layers: Vec<LayerTime>) -> Timed {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() - 1) * share / 100] * 1e3;
        let middle = median(&times);
        Timed {
            images_per_s: self.batch as f64 / middle,
            ms_per_step: middle * 1e3,
            ms_p10_p90: [at(10), at(90)],
            layers,
        }
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The output of the first layers, read back.
fn read(model: &Classifier, x: Tensor<4>, layers: usize) -> Vec<f32> {
    let out = model.forward_first(x, layers).flat();
    out.into_data().iter().collect()
}

/// The batch in as many parts as there are threads.
fn shards(batch: &Batch, threads: usize) -> Vec<Batch> {
    let images = batch.labels.len();
    let values = batch.images.len() / images;
    let [_, channels, height, width] = batch.shape;
    let size = images.div_ceil(threads.clamp(1, images));
    (0..images)
        .step_by(size)
        .map(|from| {
            let to = (from + size).min(images);
            Batch {
                images: batch.images[from * values..to * values].to_vec(),
                labels: batch.labels[from..to].to_vec(),
                indices: batch.indices[from..to].to_vec(),
                shape: [to - from, channels, height, width],
            }
        })
        .collect()
}

const ERF_LAYERS: usize = 20;

impl Network {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fashion, Self::Vgg, Self::Photo, Self::Erf];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fashion => "fashion",
            Self::Vgg => "vgg",
            Self::Photo => "photo",
            Self::Erf => "erf",
        }
    }

    /// What it is timed on where nothing else is said.
    pub const fn work(self) -> Work {
        match self {
            Self::Fashion | Self::Vgg => Work::Train,
            Self::Photo => Work::Infer,
            Self::Erf => Work::Erf,
        }
    }

    /// The batch that peers use.
    pub const fn batch(self) -> usize {
        match self {
            Self::Fashion | Self::Vgg => 64,
            Self::Photo => 2,
            Self::Erf => 1,
        }
    }

    fn plan(self) -> Result<Plan, TrainError> {
        let conv = |filters| {
            Conv2dLayer::new(filters, 3)
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu)
        };
        let config = match self {
            Self::Fashion => ModelConfig::new(1, 28, 28)
                .layer(conv(32))
                .layer(MaxPool2dLayer::new(2))
                .layer(conv(64))
                .layer(MaxPool2dLayer::new(2))
                .layer(FlattenLayer::default())
                .layer(LinearLayer::new(128).with_activation(Activation::Relu))
                .layer(LinearLayer::classes()),
            Self::Vgg => presets::preset("vgg", presets::usual_input("vgg"))?,
            Self::Photo => ModelConfig::new(3, 427, 640)
                .layer(conv(32))
                .layer(MaxPool2dLayer::new(2))
                .layer(GlobalAvgPool2dLayer::default())
                .layer(LinearLayer::classes()),
            Self::Erf => {
                let input = InputConfig {
                    channels: 3,
                    height: 128,
                    width: 128,
                };
                presets::preset(&format!("plain-{ERF_LAYERS}"), input)?
            }
        };
        Ok(config.with_classes(10).plan()?)
    }

    /// How many layers inference goes through: peers' `photo` ends with the pool.
    fn inferred(self, plan: &Plan) -> usize {
        match self {
            Self::Photo => 2,
            _ => plan.layers.len(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Network {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|network| network.name() == text);
        found.ok_or_else(|| {
            TrainError::setting(
                "NETWORK",
                format!(
                    "there is no benchmark `{text}`; there are {}",
                    Self::ALL.map(Self::name).join(", ")
                ),
            )
        })
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_timed_at_what_it_can_do() {
        let workers = Workers::new(1).unwrap();
        for network in Network::ALL {
            let bench = Bench {
                network,
                work: network.work(),
                batch: 1,
                steps: 1,
            };
            let timed = bench.run(&Device::flex(), true, &workers).unwrap();
            assert!(timed.images_per_s > 0.0, "{network}");
            assert_eq!(network.name().parse::<Network>().unwrap(), network);
        }
        assert!("photos".parse::<Network>().is_err());
    }
}
