//! Trials before a run: overfitting a few images, finding a learning rate, a dry run.

use crate::{compute, prepared, run, tiny_run};
use burn::tensor::Device;
use receptive_model::{GlobalAvgPool2dLayer, LinearLayer, ModelConfig};
use receptive_train::RunConfig;
use receptive_train::trial::{
    LrFind, OverfitOptions, OverfitResult, RangeTest, dry_run, lr_find, overfit, unregularised,
};

fn learn(config: RunConfig, images: usize, passes: usize) -> OverfitResult {
    let prepared = prepared(unregularised(config)).unwrap();
    let options = OverfitOptions { images, passes };
    overfit(
        &prepared,
        options,
        &compute(&prepared, &Device::flex()),
        &mut |_| (),
    )
    .unwrap()
}

#[test]
fn a_network_that_can_learn_overfits_a_few_images() {
    let found = learn(tiny_run(), 24, 300);
    assert!(found.overfit, "{found:?}");
    assert_eq!(
        (found.images, found.correct, found.advice()),
        (24, 24, None)
    );
    assert!(found.last_loss < found.first_loss);
    assert!(found.passes < 300, "it stops when all are correct");
}

#[test]
fn a_network_that_cannot_overfit_gets_advice() {
    // Nothing changes with a negligible learning rate.
    let mut still = tiny_run();
    still.train.optimizer = receptive_train::config::Optimizer::Sgd {
        learning_rate: 1e-12,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
    };
    let found = learn(still, 24, 5);
    assert!(!found.overfit);
    assert_eq!(found.passes, 5);
    assert!(found.advice().unwrap().contains("range test"), "{found:?}");

    // A single number per image, its brightness, cannot distinguish ten classes.
    let mut blind = tiny_run();
    blind.model = ModelConfig::new(1, 28, 28)
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes());
    let found = learn(blind, 64, 100);
    assert!(!found.overfit && found.correct < 64, "{found:?}");
    assert!(found.advice().is_some());

    // A rate that is far too large.
    let mut wild = tiny_run();
    wild.train.optimizer = receptive_train::config::Optimizer::Sgd {
        learning_rate: 1e30,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
    };
    let found = learn(wild, 24, 50);
    assert!(!found.overfit, "{found:?}");
    assert!(found.advice().unwrap().contains("smaller"), "{found:?}");
}

#[test]
fn growing_rates_give_the_same_losses_on_any_number_of_threads() {
    let find = |threads, workers, seed| -> LrFind {
        let mut config = tiny_run();
        config.machine.threads = threads;
        config.machine.workers = workers;
        config.train.seed = seed;
        let prepared = prepared(config).unwrap();
        let test = RangeTest {
            steps: 40,
            ..RangeTest::default()
        };
        lr_find(
            &prepared,
            test,
            &compute(&prepared, &Device::flex()),
            &mut |_| (),
        )
        .unwrap()
    };
    let one = find(1, 0, 5);
    assert_eq!(one, find(3, 2, 5));
    assert_ne!(one.tried, find(1, 0, 6).tried);
    assert_eq!(one.tried[0].learning_rate, 1e-7);
    // The smoothed loss is an exponentially weighted mean.
    let (first, second) = (one.tried[0].loss, one.tried[1].loss);
    let mean = (0.98 * first + second) / 1.98;
    assert!((one.tried[1].smoothed - mean).abs() < 1e-9);
}

#[test]
fn a_dry_run_takes_the_first_step_of_the_run() {
    let setup = prepared(tiny_run()).unwrap();
    let found = dry_run(&setup, &compute(&setup, &Device::flex())).unwrap();
    assert_eq!((found.steps_per_epoch, found.epochs), (7, 2));
    assert!(found.seconds > 0.0 && found.seconds < 600.0);
    assert!(found.model_bytes > 1000 && found.peak_bytes > 1 << 20);
    assert!(found.val_loss.is_some_and(f64::is_finite));
    let mut config = tiny_run();
    config.data.limit = Some(32);
    config.train.epochs = 1;
    // A run of one step: its loss is that of the first batch.
    let setup = prepared(config.clone()).unwrap();
    let first = dry_run(&setup, &compute(&setup, &Device::flex())).unwrap();
    let trained = run(config, &Device::flex()).unwrap();
    assert_eq!(trained.epochs[0].train_loss, first.train_loss);
}
