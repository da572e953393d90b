//! Should print the verdict GAUSSIAN, with a standard deviation of 5.0 pixels, within half a minute.
//!
//! Measures the effective receptive field of the centre unit of 20 convolutions, tests whether it is a
//! Gaussian, and draws `erf.png`: `cargo run --example erf`. `-- --backend ndarray` runs it on another
//! backend.

use receptive_erf::picture::{Subject, measurement};
use receptive_erf::theory::{Seeds, Weights, predict};
use receptive_erf::{
    Aggregate, Network, Noise, Options, Probe, Report, TheoryReport, measure_layer,
};
use receptive_model::{ImageSize, presets};
use receptive_plot::Draw;
use receptive_train::{Backend, TrainError};

fn main() -> Result<(), TrainError> {
    // 20 layers of 3x3 see 41 pixels.
    let (name, layer) = ("plain-20", "20");
    let input = ImageSize {
        channels: 3,
        height: 41,
        width: 41,
    };
    let plan = presets::preset(name, input)?.with_classes(10).plan()?;
    let device = Backend::of_arguments(std::env::args())?.device()?;
    let probe = Probe::central(&plan, layer)?;

    // The gradient of the unit with respect to noise images, with weights drawn anew each time.
    let noise = Noise {
        shape: [3, 41, 41],
        seed: 0,
    };
    let found = measure_layer(
        Network::Redrawn(&plan, 0),
        layer,
        &probe,
        &noise,
        &Options::default(),
        &device,
        &mut |done, most, noise| eprintln!("{done} of at most {most} samples, noise {noise:.3}"),
    )?;

    // The same without any gradient, and both side by side.
    let prediction = predict(&plan, layer, probe.unit, Seeds::All, Weights::Random)?;
    let theory = TheoryReport::of(&found, "random", &prediction);
    let report = Report::of(&found, Aggregate::Abs, Some(theory));
    for field in std::iter::once(&report.headline).chain(&report.aggregates) {
        println!(
            "{:<9} {}: sigma {:.2} px, size {:.1} px ({:.0} % of the theoretical field)",
            field.aggregate.name(),
            field.judgement.verdict,
            field.sigma_both.value,
            field.size.value,
            100.0 * field.ratio.value
        );
    }
    let judgement = &report.headline.judgement;
    println!("{}: {}", judgement.verdict, judgement.words);

    let average = found.average(Aggregate::Abs);
    let picture = measurement(&Subject {
        title: format!("{name}: what the centre unit of layer {layer} sees"),
        subtitle: format!(
            "{} over {} networks",
            Aggregate::Abs.formula(),
            found.samples
        ),
        map: &average.map,
        groups: found.groups(Aggregate::Abs),
        judgement,
        trf: found.trf,
        image: found.image,
        prediction: Some(&prediction.map.map(f64::sqrt)),
        numbers: Vec::new(),
    })?;
    picture.write("erf.png".as_ref())?;
    println!("erf.png shows it");
    Ok(())
}
