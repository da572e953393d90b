//! The effective receptive field of an ONNX file's last feature map, with the file's own weights:
//! `cargo run --example erf_of_onnx -- model.onnx` prints the verdict and draws `erf.png`.

use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, MeasureOptions, MeasuredNetwork, Noise, Probe, Study, measure_layer,
};
use receptive_interchange::{OnnxReadOptions, read_onnx};
use receptive_plot::Draw;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let file = std::env::args()
        .nth(1)
        .ok_or("expected an ONNX file as the argument")?;
    let device = receptive_train::Backend::from_env()?.device()?;
    let model = read_onnx(file.as_ref(), OnnxReadOptions::default())?.classifier(&device)?;
    let (plan, input) = (model.plan(), model.input());
    let mut layers = plan.layers.iter().rev();
    let layer = layers.find(|layer| layer.output.map_size() != [1, 1]);
    let layer =
        layer.ok_or("the network has no layer with feature maps, so units have no position")?;
    let shape = [input.channels, input.height, input.width];
    let measurement = measure_layer(
        MeasuredNetwork::Given(&model),
        &layer.name,
        &Probe::central(plan, &layer.name)?,
        &Noise { shape, seed: 0 },
        &MeasureOptions::default(),
        &device,
        &mut |_, _, _| {},
    )?;
    let weights = WeightAssumption::Given(&model);
    let study = Study::new(measurement, plan, layer, weights, Aggregate::Abs)?;
    let (field, judgement) = (&study.headline, &study.headline.judgement);
    let (sigma, size) = (field.sigma_both.value, field.size.value);
    println!("{}: sigma {sigma:.1} px, size {size:.1} px", layer.name);
    println!("{}: {}", judgement.verdict, judgement.explanation);
    study.picture(&file, "noise")?.write("erf.png".as_ref())?;
    Ok(())
}
