//! Should reach 80 % top-1 accuracy on the test split within half a minute.
//!
//! Trains the `tutorial` preset on 2,000 images of clothing: `cargo run --release --example train`.
//! `-- --backend ndarray` runs it on another backend.

use receptive_data::NoProgress;
use receptive_train::{
    Backend, InputFrom, Quiet, RunConfig, RunDirectory, Stop, TrainError, prepare, train,
};
use std::path::Path;

fn main() -> Result<(), TrainError> {
    let mut config = RunConfig::preset("tutorial")?;
    config.data.limit = Some(2_000);
    config.train.epochs = 10;

    let prepared = prepare(config, InputFrom::Data, &NoProgress)?;
    for layer in prepared.plan.rows() {
        println!(
            "{:<10} {:<28} {:>10}",
            layer.kind,
            layer.summary,
            layer.output.to_string()
        );
    }

    let backend = Backend::of_arguments(std::env::args())?;
    let run = RunDirectory::next(Path::new("runs"))?;
    let (device, on_cpu) = (backend.device()?, backend.kind.is_cpu());
    let trained = train(
        &prepared,
        &run,
        &device,
        on_cpu,
        &Stop::default(),
        &mut Quiet,
    )?;

    let test = trained.test.map_or(f64::NAN, |test| test.top1);
    println!(
        "test top-1 {:.1} % after {:.0} s",
        100.0 * test,
        trained.train_seconds
    );
    println!(
        "curves and confusion matrix are in {}",
        run.path().display()
    );
    Ok(())
}
