//! Which checkpoint a run resumes from if the latest is damaged.

use super::*;

#[test]
fn t7c_an_older_checkpoint_stands_in_for_a_damaged_newer_one() {
    let written = Written::new();
    let mut random = Random(73);
    let device = Device::flex().autodiff();
    let model = written.prepared.plan.init_seeded(9, &device);
    for round in 0..20 {
        written.save(2); // newer
        let newer = written.run.checkpoints().join("0000002");
        let name = ["model.bpk", "optimizer.bpk", "state.json", MANIFEST][round % 4];
        let mut bytes = fs::read(newer.join(name)).unwrap();
        let at = random.below(bytes.len());
        bytes[at] = bytes[at].wrapping_add(1 + random.below(200) as u8);
        fs::write(newer.join(name), bytes).unwrap();
        let (found, rejected) = newest(&written.run, &written.prepared, &model).unwrap();
        assert_eq!(found.unwrap().state.at.step, 1, "round {round}");
        assert_eq!(rejected.len(), 1);
        assert_eq!(rejected[0].path, newer);
        assert!(newer.exists(), "a rejected checkpoint is never deleted");
        fs::remove_dir_all(newer).unwrap();
    }
    // A reason that several share is given once.
    written.save(2);
    let mut other = prepare(config(2), InputFrom::Data, &NoProgress).unwrap();
    other.data.classes[0] = "Tie".into();
    let error = newest(&written.run, &other, &model)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error.matches("written for the classes").count(),
        1,
        "{error}"
    );
    assert!(
        error.contains("0000002") && error.contains("the same applies to"),
        "{error}"
    );
    fs::remove_dir_all(written.run.checkpoints().join("0000002")).unwrap();
    // All are damaged: the error names each.
    fs::write(written.path().join(STATE), b"{}").unwrap();
    let error = newest(&written.run, &written.prepared, &model)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("0000001") && error.contains("config.toml"),
        "{error}"
    );
}
