//! Should reach 80 % top-1 accuracy on the test split within half a minute.
//!
//! Trains the `tutorial` preset on 2,000 images of clothing: `cargo run --example train`. On another
//! backend: `cargo run --features receptive-examples/ndarray --example train -- --backend ndarray`.

use receptive_data::NoProgress;
use receptive_train::{
    Backend, Compute, InputFrom, RunConfig, RunDirectory, Stop, TrainError, prepare, train,
};
use std::path::Path;

fn main() -> Result<(), TrainError> {
    let mut config = RunConfig::preset("tutorial")?;
    config.data.limit = Some(2_000);
    config.train.epochs = 10;

    let setup = prepare(config, InputFrom::Data, &NoProgress)?;
    for layer in setup.plan.rows() {
        println!(
            "{:<10} {:<28} {:>10}",
            layer.kind,
            layer.summary,
            layer.output.to_string()
        );
    }

    let backend = Backend::from_args(std::env::args())?;
    let run = RunDirectory::next(Path::new("runs"))?;
    let compute = Compute::new(backend.device()?, setup.config.machine.thread_count())?;
    let trained = train(&setup, &run, &compute, &Stop::default(), &mut [])?;

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
