//! T7 for averaged weights, which a checkpoint has in addition to the trained ones.

use super::super::AVERAGED;
use super::*;

#[test]
fn t7_hostile_averaged_weights_are_named_errors() {
    let written = Written::new();
    let files: BTreeMap<String, Vec<u8>> = written.files().into_iter().collect();
    let averaged = &files[AVERAGED];
    assert_ne!(averaged, &files[MODEL]);
    let record = |model: Classifier| {
        let bytes = model.valid().into_record().into_bytes().unwrap();
        bytes.to_vec()
    };
    let wider = config(3).model.with_classes(10).plan().unwrap();
    for (what, bytes) in [
        ("no bytes", Vec::new()),
        ("zeros", vec![0; averaged.len()]),
        ("half of the file", averaged[..averaged.len() / 2].to_vec()),
        ("a hundred times the size", vec![7; 32 << 20]),
        ("the optimizer's file", files[OPTIMIZER].clone()),
        ("NaN weights", record(poisoned(written.averaged.clone()))),
        ("another network", record(wider.init(&Device::flex()))),
    ] {
        let error = written.load(&written.forged(AVERAGED, &bytes)).unwrap_err();
        assert!(error.contains("forged/averaged.bpk"), "{what}: {error}");
    }
}

#[test]
fn averaged_weights_and_what_the_state_says_of_them_belong_together() {
    let written = Written::new();
    let files: BTreeMap<String, Vec<u8>> = written.files().into_iter().collect();
    let state = String::from_utf8(files[STATE].clone()).unwrap();
    let unsaid = state.replacen("\"averaged\": \"steps\"", "\"averaged\": null", 1);
    assert_ne!(unsaid, state);
    let error = written
        .load(&written.forged(STATE, unsaid.as_bytes()))
        .unwrap_err();
    assert!(error.contains("contradicts the state"), "{error}");

    let kept: Vec<(&str, &[u8])> = files
        .iter()
        .filter(|(name, _)| ![MANIFEST, AVERAGED].contains(&name.as_str()))
        .map(|(name, bytes)| (name.as_str(), &bytes[..]))
        .collect();
    let path = written.run.path().join("without");
    store::write_directory(&path, FORMAT, VERSION, &kept).unwrap();
    let error = written.load(&path).unwrap_err();
    assert!(error.contains("contradicts the state"), "{error}");
}

#[test]
fn averaged_weights_that_are_nan_are_not_saved() {
    let written = Written::new();
    let averaged = poisoned(written.averaged.clone());
    let contents = Contents {
        averaged: Some(&averaged),
        ..written.contents()
    };
    let rejected = save(&written.run, &contents, State::default(), 9, &mut |_| ()).unwrap_err();
    assert!(rejected.to_string().contains("NaN"), "{rejected}");
}
