//! `cargo run -- RUN/model`, where RUN was trained by `receptive train` on images of clothing:
//! trains a larger network to predict where it is worn, then measures the receptive field of one of
//! that network's units.
#![recursion_limit = "256"]

use burn::module::Module;
use burn::optim::AdamConfig;
use burn::tensor::Device;
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{Learner, SupervisedTraining};
use receptive_erf::{Aggregate, MeasureOptions, Noise, Probe, measure};
use receptive_model::Artifact;
use reuse::pictures::{batches, pictures, splits};
use reuse::wardrobe::{PLACES, Wardrobe, place_of};
use std::error::Error;
use std::path::Path;

/// How many of the classifier's layers the network keeps.
const LAYERS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("give the model of a run: RUN/model")?;
    let device = Device::flex();

    // Load a trained classifier.
    let artifact = Artifact::load(Path::new(&path), &device.clone().autodiff())?;
    let input = artifact.input;
    let classifier = artifact.model;
    println!(
        "{} layers, classes {:?}",
        classifier.plan().layers.len(),
        artifact.classes
    );

    // Use it as a part of a larger network, trained by burn-train.
    let wardrobe = Wardrobe::new(classifier, LAYERS, &device.clone().autodiff());
    let [train, valid] = splits()?;
    let train = batches(
        pictures(&train, &input, 3_000, place_of)?,
        &input,
        &device.clone().autodiff(),
    );
    let valid = batches(pictures(&valid, &input, 1_000, place_of)?, &input, &device);
    let directory = std::env::temp_dir().join("receptive-reuse");
    let result = SupervisedTraining::new(&directory, train, valid.clone())
        .metrics((AccuracyMetric::new(), LossMetric::new()))
        .num_epochs(2)
        .summary()
        .launch(Learner::new(wardrobe, AdamConfig::new().init(), 1e-2));
    if let Some(error) = result.error {
        return Err(error.to_string().into());
    }
    let wardrobe = result.model;
    let (mut right, mut count) = (0, 0);
    for batch in valid.iter() {
        let batch = batch?;
        let answers = wardrobe.forward(batch.images).argmax(1).flatten::<1>(0, 1);
        right += answers
            .equal(batch.targets.clone())
            .int()
            .sum()
            .into_scalar::<i64>();
        count += batch.targets.dims()[0];
    }
    println!(
        "{:.1} % of {count} are put where they are worn: {PLACES:?}",
        100.0 * right as f64 / count as f64
    );

    // Measure the effective receptive field of one unit of the convolution defined in this project.
    let noise = Noise {
        shape: [input.channels, input.height, input.width],
        seed: 0,
    };
    let looking = wardrobe.train().freeze();
    let found = measure(
        |images| looking.maps(images),
        &Probe::new([7, 7]),
        &noise,
        &MeasureOptions::default(),
        &device,
        &mut |_, _, _| (),
    )?;
    let judgement = found.judge(Aggregate::Abs);
    println!(
        "{} samples: {}: {}",
        found.samples, judgement.verdict, judgement.explanation
    );
    println!(
        "size {:.1} px, gradient outside the theoretical field {}",
        found.size(Aggregate::Abs).value,
        found.outside
    );
    Ok(())
}
