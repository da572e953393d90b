//! Should print the verdict GAUSSIAN, with a standard deviation of 5.0 pixels, within half a
//! minute.
//!
//! Measures the effective receptive field of the centre unit of 20 convolutions, tests whether it is a
//! Gaussian, and draws `erf.png`: `cargo run --example erf`. On another backend:
//! `cargo run --features receptive-examples/ndarray --example erf -- --backend ndarray`.

use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, MeasureOptions, MeasuredNetwork, Noise, Probe, Study, measure_layer,
};
use receptive_model::{ImageSize, presets};
use receptive_plot::Draw;
use receptive_train::{Backend, TrainError};

fn main() -> Result<(), TrainError> {
    // The theoretical receptive field of 20 layers of 3x3 is 41 pixels.
    let input = ImageSize::new(3, 41, 41);
    let plan = presets::preset("plain-20", input)?
        .with_classes(10)
        .plan()?;
    let layer = plan.find("20")?;
    let device = Backend::from_args(std::env::args())?.device()?;

    // The gradient of the unit with respect to noise images, with weights drawn anew each time.
    let noise = Noise {
        shape: [3, 41, 41],
        seed: 0,
    };
    let measurement = measure_layer(
        MeasuredNetwork::Redrawn(&plan, 0),
        &layer.number,
        &Probe::central(&plan, &layer.number)?,
        &noise,
        &MeasureOptions::default(),
        &device,
        &mut |done, limit, noise| eprintln!("{done} of at most {limit} samples, noise {noise:.3}"),
    )?;

    // The same predicted without gradients, and the comparison of both.
    let study = Study::new(
        measurement,
        &plan,
        layer,
        WeightAssumption::Random,
        Aggregate::Abs,
    )?;
    for field in std::iter::once(&study.headline).chain(&study.others) {
        println!(
            "{:<9} {}: sigma {:.2} px, size {:.1} px ({:.0} % of the theoretical field)",
            field.aggregate.name(),
            field.judgement.verdict,
            field.sigma_both.value,
            field.size.value,
            100.0 * field.ratio.value
        );
    }
    let judgement = &study.headline.judgement;
    println!("{}: {}", judgement.verdict, judgement.explanation);

    let title = "plain-20: what the centre unit of layer 20 sees";
    let picture = study.picture(title, "noise, random weights")?;
    picture.write("erf.png".as_ref())?;
    println!("erf.png shows it");
    Ok(())
}
