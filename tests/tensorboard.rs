//! TensorBoard's events contain the values of the run's `metrics.csv`.
//!
//! Ignored by default: `RECEPTIVE_PYTHON` is a Python interpreter with tensorboard.

use crate::{compute, prepared, tiny_run};
use burn::tensor::Device;
use receptive_train::{Outcome, Recorder, RunDirectory, Step, Stop, TrainError, resume, train};
use std::path::Path;
use std::process::Command;

struct StopAt(u64, Stop);

impl Recorder for StopAt {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        if step.step == self.0 {
            self.1.request(2);
        }
        Ok(())
    }
}

fn read_back(run: &Path, steps: u64) {
    let python = std::env::var("RECEPTIVE_PYTHON").unwrap_or("python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/tensorboard_events.py");
    let output = Command::new(python)
        .arg(script)
        .arg(run)
        .arg(steps.to_string())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    print!("tensorboard: {stdout}");
}

#[test]
#[ignore = "needs Python with tensorboard"]
fn tensorboard_reads_the_values_of_metrics_csv_even_of_a_resumed_run() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = tiny_run();
    config.tensorboard = true;
    let prepared = prepared(config).unwrap();
    let compute = compute(&prepared, &Device::flex());
    let steps = 2 * 200_u64.div_ceil(32);

    let whole = RunDirectory::create(&directory.path().join("whole")).unwrap();
    let stop = Stop::default();
    train(&prepared, &whole, &compute, &stop, &mut []).unwrap();
    read_back(whole.path(), steps);

    let stopped = RunDirectory::create(&directory.path().join("stopped")).unwrap();
    let stop = Stop::default();
    let mut observer = StopAt(10, stop.clone());
    let ended = train(&prepared, &stopped, &compute, &stop, &mut [&mut observer]).unwrap();
    assert_eq!(ended.outcome, Outcome::Interrupted { signal: 2 });
    // Once from the stop, and once more from the end.
    for _ in 0..2 {
        let stop = Stop::default();
        resume(&prepared, &stopped, &compute, &stop, &mut []).unwrap();
        read_back(stopped.path(), steps);
    }
}
