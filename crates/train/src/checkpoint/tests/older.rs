//! Checkpoints of a version that stored only a hash of the settings.

use super::*;
use crate::checkpoint::settings::hash_alone;
use crate::error::TrainError;

#[test]
fn an_older_checkpoint_takes_the_settings_from_the_runs_config() {
    let written = Written::new();
    let old = &written.prepared.config;
    let state = State {
        at: Position {
            step: 1,
            epochs_done: 0,
            step_in_epoch: 1,
        },
        classes: written.prepared.data.classes.clone(),
        data_fingerprint: written.prepared.data.fingerprint(),
        settings_sha256: hash_alone(old).unwrap(),
        averaged: Some(AveragedOver::Steps),
        ..State::default()
    };
    let (run, model) = (&written.run, &written.model);
    save(run, &written.contents(), state, 1, &mut |_| ()).unwrap();
    let path = run.checkpoints().join("0000001");
    let load = |change: fn(&mut RunConfig), written_config: &RunConfig| {
        let mut setup = prepare(config(2), InputFrom::Data, &NoProgress).unwrap();
        change(&mut setup.config);
        load(&path, &setup, Some(written_config), model.clone())
    };
    assert!(load(|_| (), old).unwrap().changes.is_empty());
    let longer = load(|config| config.train.epochs = 99, old).unwrap();
    assert_eq!(longer.changes[0].to_string(), "train.epochs: 24 -> 99");
    let error = load(|config| config.train.seed = 9, old)
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(&error, TrainError::Resume { changes, .. } if changes[0].setting == "train.seed"),
        "{error}"
    );
    // The config was edited, so the original settings are unknown.
    let edited = RunConfig {
        train: crate::config::TrainConfig {
            seed: 9,
            ..old.train.clone()
        },
        ..old.clone()
    };
    let error = load(|config| config.train.seed = 9, &edited)
        .map(|_| ())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("whose version did not store settings"),
        "{error}"
    );
}
