//! Images of one group, such as a patient, stand on one side of every split.

use crate::json;
use crate::split::{CLASSES, noise, record, train};

#[test]
fn a_new_image_of_a_group_that_was_trained_on_is_not_tested() {
    let directory = tempfile::tempdir().unwrap();
    let (data, run) = (directory.path().join("data"), directory.path().join("run"));
    for patient in 0..40 {
        for image in 0..2 {
            let class = CLASSES[patient % 3];
            noise(&data.join(class).join(format!("p{patient:02}_{image}.png")));
        }
    }
    let group = ["--group", "^(p[0-9]+)_"];
    train(&data, &run, &group);
    let record = record(&run);
    let mut wanted = 0;
    for patient in 0..40 {
        let class = CLASSES[patient % 3];
        noise(&data.join(class).join(format!("p{patient:02}_new.png")));
        let old = &record[&format!("{class}/p{patient:02}_0.png")];
        assert_eq!(*old, record[&format!("{class}/p{patient:02}_1.png")]);
        wanted += usize::from(old != "train");
    }
    let evaluated = json(&["evaluate", run.to_str().unwrap(), "--json"]);
    assert_eq!(evaluated["new"]["images"], wanted);
    assert_eq!(evaluated["trained_on"], 40 - wanted);

    let child = directory.path().join("child");
    let from = ["--from", run.to_str().unwrap(), "--seed", "5"];
    train(&data, &child, &[&from[..], &group].concat());
    let child = crate::split::record(&child);
    for patient in 0..40 {
        let class = CLASSES[patient % 3];
        let of = |image: &str| &child[&format!("{class}/p{patient:02}_{image}.png")];
        assert!(
            of("0") == of("new") && of("0") == of("1"),
            "patient {patient}"
        );
    }
}
