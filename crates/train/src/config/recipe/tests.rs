use super::*;
use crate::config::{ClassWeights, WeightRule};
use crate::config::{Sampling, StartConfig, TrainConfig};
use receptive_data::Fold;
use receptive_model::{LinearLayer, ModelConfig};

fn config() -> RunConfig {
    let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
    RunConfig::new(model)
}

fn fine_tuned() -> RunConfig {
    RunConfig {
        train: TrainConfig::fine_tuning(),
        start: Some(StartConfig::fine_tuning("m")),
        ..config()
    }
}

fn counts(train: usize, val: usize, classes: usize) -> Counts {
    Counts {
        train,
        val,
        val_of_smallest: val / classes,
        per_class: train / classes,
        extremes: [train / classes; 2],
        mean_ratio: 1.0,
        classes,
        are_coloured: true,
    }
}

const ALL: fn(&str) -> bool = |_| false;

#[test]
fn few_images_get_epochs_enough_for_the_steps() {
    for (images, epochs, batch_size) in [
        (9, 60, 16),
        (93, 10, 16),
        (499, 8, 16),
        (500, 8, 64),
        (60_000, 8, 64),
    ] {
        let mut config = fine_tuned();
        OpenSettings::except(ALL).choose(&mut config, counts(images, 0, 3));
        let chosen = (config.train.epochs, config.train.batch_size);
        assert_eq!(chosen, (epochs, batch_size), "{images} images");
        let has_shards = config.train.micro_batch == MicroBatch::Images(FROZEN_SHARD);
        assert_eq!(has_shards, batch_size == 16, "{images} images");
        assert_eq!(config.start.unwrap().head, HeadStart::Fitted);
    }
}

#[test]
fn what_is_given_stays_as_it_is() {
    let mut config = fine_tuned();
    config.train.epochs = 5;
    let notes = OpenSettings::except(|setting| setting == "train.epochs")
        .choose(&mut config, counts(100, 20, 3));
    assert_eq!((config.train.epochs, config.train.batch_size), (5, 16));
    assert!(
        notes[1].starts_with("- batches of 16 images, "),
        "{notes:?}"
    );
    assert!(notes[4].contains("AdamW"), "{notes:?}");
    assert!(notes[4].contains("0.000003 to 0.00003 for"), "{notes:?}");

    for start in [None, Some(StartConfig::fine_tuning("m"))] {
        let mut config = RunConfig {
            start,
            ..config.clone()
        };
        let before = config.clone();
        assert!(
            OpenSettings::default()
                .choose(&mut config, counts(4, 2, 3))
                .is_empty()
        );
        assert_eq!(config, before);
    }
}

#[test]
fn each_choice_is_a_note_with_its_reason() {
    let mut config = fine_tuned();
    let notes = OpenSettings::except(ALL).choose(&mut config, counts(93, 15, 3));
    for (note, expected) in notes.iter().zip([
        "settings chosen for 93 training images, each of which can be set:",
        "- 10 epochs, for at least 60 steps (train.epochs)",
        "- batches of 16 images, so that",
        "- shards of 8 images, so that",
        "- random crops and colour jitter against overfitting (train.augment)",
        "- AdamW with a learning rate of 0.0003 for the head, which is fitted first, and 0.000003 to 0.00003 for",
        "- the learning rate follows the schedule cosine after one epoch of warm-up, so that",
        "- batch norm keeps the pretrained means and variances, since",
        "- label smoothing of 0.1, against",
        "- every class has the same weight in the loss, so that",
        "- the last epoch is kept, since 15 validation images cannot",
    ]) {
        assert!(note.contains(expected), "{note}");
    }
    assert_eq!(notes.len(), 11, "{notes:?}");

    let mut frozen = fine_tuned();
    frozen.start.as_mut().unwrap().freeze = 3;
    let notes = OpenSettings::except(ALL).choose(&mut frozen, counts(93, 15, 3));
    let rates = "up to 0.00003 for pretrained layers that are not frozen (train.optimizer)";
    assert!(notes[5].ends_with(rates), "{notes:?}");
}

/// What stays as it is by default is said too, whatever else is given.
#[test]
fn the_recipe_is_shown_although_epochs_and_batch_size_are_given() {
    let mut config = fine_tuned();
    let given = ["train.epochs", "train.batch_size"];
    let open = OpenSettings::except(|setting| given.contains(&setting));
    let notes = open.choose(&mut config, counts(93, 0, 3));
    for expected in ["AdamW", "schedule", "batch norm", "same weight", "crops"] {
        assert!(
            notes.iter().any(|note| note.contains(expected)),
            "{expected}: {notes:?}"
        );
    }
    assert!(
        OpenSettings::except(|_| true)
            .choose(&mut config, counts(93, 0, 3))
            .is_empty()
    );
}

#[test]
fn only_a_head_without_given_epochs_needs_none() {
    let only = || {
        let mut config = fine_tuned();
        config.start.as_mut().unwrap().head = HeadStart::Only;
        config
    };
    let mut config = only();
    let open = OpenSettings::except(|setting| setting == "start.head");
    let notes = open.choose(&mut config, counts(300, 60, 3));
    assert_eq!(config.train.epochs, 0);
    assert!(notes[1].starts_with("- no epochs, since"), "{notes:?}");
    config.check().unwrap();
    let mut config = only();
    config.train.epochs = 4;
    let open = OpenSettings::except(|setting| ["start.head", "train.epochs"].contains(&setting));
    open.choose(&mut config, counts(300, 60, 3));
    assert_eq!(config.train.epochs, 4);
}

#[test]
fn too_few_validation_images_to_serve_anything_are_not_held_out() {
    let all = OpenSettings::except(ALL);
    for (val, in_vain) in [(0, false), (1, true), (49, true), (50, false)] {
        assert_eq!(all.holds_out_in_vain(&fine_tuned(), val), in_vain, "{val}");
    }
    for given in ["data.val_fraction", "train.monitor"] {
        let open = OpenSettings::except(|setting| setting == given);
        assert!(!open.holds_out_in_vain(&fine_tuned(), 10), "{given}");
    }
    let mut fold = fine_tuned();
    fold.data.fold = Some(Fold { number: 1, of: 5 });
    assert!(all.holds_out_in_vain(&fold, 10));
    assert!(!all.holds_out_in_vain(&config(), 10));
    let mut stopped = fine_tuned();
    stopped.train.early_stopping = Some(EarlyStopping {
        metric: Monitor::ValLoss,
        patience: 3,
    });
    assert!(!all.holds_out_in_vain(&stopped, 10));
    let mut plateau = fine_tuned();
    plateau.train.schedule.kind = ScheduleKind::Plateau;
    assert!(!all.holds_out_in_vain(&plateau, 10));
}

#[test]
fn of_one_or_two_images_a_class_only_the_head_learns() {
    for (images, only) in [(3, true), (8, true), (9, false)] {
        let mut config = fine_tuned();
        OpenSettings::except(ALL).choose(&mut config, counts(images, 2, 3));
        let head = config.start.as_ref().unwrap().head;
        assert_eq!(head == HeadStart::Only, only, "{images} images");
        assert_eq!(config.train.epochs == 0, only);
        config.check().unwrap();
    }
    let mut config = fine_tuned();
    config.train.epochs = 5;
    OpenSettings::except(|setting| setting == "train.epochs").choose(&mut config, counts(3, 0, 3));
    assert_eq!(config.start.unwrap().head, HeadStart::Fitted);
    let mut config = super::tests::config();
    config.train.epochs = 0;
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("train.epochs"), "{error}");
}

#[test]
fn few_validation_images_do_not_choose_the_epoch() {
    for (val, is_last) in [(0, false), (15, true), (199, true), (200, false)] {
        let mut config = fine_tuned();
        OpenSettings::except(ALL).choose(&mut config, counts(1000, val, 3));
        assert_eq!(config.train.monitor == Monitor::Last, is_last, "{val}");
    }
}

#[test]
fn classes_that_count_the_same_choose_the_epoch_by_their_recall() {
    for (val, monitor) in [
        (0, Monitor::ValLoss),
        (59, Monitor::Last),
        (60, Monitor::ValMeanRecall),
    ] {
        let mut config = config();
        config.train.sampling = Sampling::Balanced;
        let notes = OpenSettings::except(ALL).choose(&mut config, counts(5000, val, 3));
        assert_eq!(config.train.monitor, monitor, "{val}");
        assert_eq!(notes.is_empty(), monitor == Monitor::ValLoss, "{notes:?}");
    }
    let mut given = config();
    given.train.sampling = Sampling::Balanced;
    let is_given = |setting: &str| setting == "train.monitor";
    OpenSettings::except(is_given).choose(&mut given, counts(5000, 60, 3));
    assert_eq!(given.train.monitor, Monitor::ValLoss);

    let mut few = config();
    few.train.sampling = Sampling::Balanced;
    OpenSettings::except(ALL).choose(&mut few, counts(2000, 250, 25));
    assert_eq!(
        (few.train.monitor, few.train.early_stopping),
        (Monitor::Last, None)
    );
}

#[test]
fn fine_tuning_with_balanced_classes_also_chooses_the_epoch_by_their_recall() {
    for (val, monitor) in [
        (0, Monitor::ValLoss),
        (199, Monitor::Last),
        (200, Monitor::ValMeanRecall),
    ] {
        let mut config = fine_tuned();
        config.train.class_weights = ClassWeights::Rule(WeightRule::Balanced);
        let notes = OpenSettings::except(ALL).choose(&mut config, counts(1000, val, 3));
        assert_eq!(config.train.monitor, monitor, "{val}");
        let of_epoch = ["epoch is kept", "epoch with the best"];
        let is_of_epoch = |note: &&String| of_epoch.iter().any(|words| note.contains(words));
        let epochs = notes.iter().filter(is_of_epoch).count();
        assert_eq!(epochs, usize::from(val > 0), "{notes:?}");
    }
}

#[test]
fn from_scratch_few_images_are_seen_more_often_and_many_as_before() {
    let mut many = config();
    assert!(
        OpenSettings::except(ALL)
            .choose(&mut many, counts(3000, 10, 3))
            .is_empty()
    );
    assert_eq!(many, config());
    let mut trial = config();
    trial.data.limit = Some(100);
    assert!(
        OpenSettings::except(ALL)
            .choose(&mut trial, counts(100, 10, 3))
            .is_empty()
    );

    let mut few = config();
    let notes = OpenSettings::except(ALL).choose(&mut few, counts(93, 15, 3));
    assert_eq!((few.train.epochs, few.train.batch_size), (200, 16));
    assert_eq!(
        (few.train.augment.crop, few.train.augment.erase),
        (0.5, 0.25)
    );
    assert_eq!(
        (few.train.monitor, few.train.early_stopping),
        (Monitor::Last, None)
    );
    assert!(
        notes[1].contains("200 epochs, since training from random weights"),
        "{notes:?}"
    );
    assert!(
        notes[2].contains("batches of 16 images, so that"),
        "{notes:?}"
    );
    assert!(notes.last().unwrap().contains("(start.from)"), "{notes:?}");

    // One setting of the augmentation leaves the others to the recipe.
    for (given, crop, hue, note) in [
        (
            "train.augment.rotation",
            0.5,
            0.05,
            "random crops and colour jitter",
        ),
        ("train.augment.hue", 0.5, 0.0, "random crops against"),
        ("train.augment.crop", 0.0, 0.05, "colour jitter against"),
    ] {
        let mut few = config();
        few.train.augment.flip = false;
        let open = OpenSettings::except(|setting| setting == given);
        let notes = open.choose(&mut few, counts(93, 15, 3));
        let augment = &few.train.augment;
        assert_eq!((augment.crop, augment.hue), (crop, hue), "{given}");
        assert!(!augment.flip, "{given}");
        assert!(notes.iter().any(|line| line.contains(note)), "{notes:?}");
    }

    let mut some = config();
    OpenSettings::except(ALL).choose(&mut some, counts(2000, 250, 3));
    assert_eq!((some.train.epochs, some.train.batch_size), (47, 64));
    assert_eq!(some.train.early_stopping.unwrap().patience, 11);
}

#[test]
fn class_weights_that_are_far_apart_switch_label_smoothing_off_and_clip_gradients() {
    // Two classes, then sizes that fall geometrically, then one rare class of many.
    for (extremes, mean_ratio, classes, is_off, is_clipped) in [
        ([60, 60], 1.0, 2, false, false),
        ([60, 240], 2.5, 2, false, false),
        ([60, 3000], 25.5, 2, true, true),
        ([60, 3000], 12.5, 10, true, true),
        ([3, 150], 12.5, 100, false, true),
        ([1, 50], 12.5, 1000, true, true),
        ([1, 50], 1.05, 1000, false, true),
    ] {
        let counts = Counts {
            extremes,
            mean_ratio,
            ..counts(5000, 0, classes)
        };
        let mut config = config();
        config.train.class_weights = ClassWeights::Rule(WeightRule::Balanced);
        let notes = OpenSettings::except(ALL).choose(&mut config, counts);
        assert_eq!(config.train.label_smoothing == 0.0, is_off, "{extremes:?}");
        assert_eq!(config.train.clip_norm.is_some(), is_clipped, "{extremes:?}");
        assert_eq!(!notes.is_empty(), is_off || is_clipped, "{notes:?}");
        let is_given = |setting: &str| setting != "train.monitor";
        config.train.label_smoothing = 0.1;
        config.train.clip_norm = None;
        OpenSettings::except(is_given).choose(&mut config, counts);
        assert_eq!(
            (config.train.label_smoothing, config.train.clip_norm),
            (0.1, None)
        );
    }
}
