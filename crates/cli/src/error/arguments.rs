//! The arguments for settings: libraries name settings, the program also how to set them.

/// The arguments for the settings that errors of the libraries may name.
pub(crate) const ARGUMENTS: &[(&str, &str)] = &[
    ("data.source", "DATA"),
    ("data.labels", "--labels"),
    ("data.label_column", "--label-column"),
    ("data.group", "--group"),
    ("data.data_dir", "--data-dir"),
    ("data.bad_images", "--bad-images"),
    ("data.limit", "--limit"),
    ("data.image_size", "--image-size"),
    ("data.grey", "--grey"),
    ("train.epochs", "--epochs"),
    ("train.optimizer.learning_rate", "--lr"),
    ("train.early_stopping.patience", "--patience"),
    ("train.early_stopping", "--patience"),
    ("train.class_weights", "--balance"),
    ("train.sampling", "--balance"),
    ("train.batch_size", "--batch-size"),
    ("train.accumulate", "--accumulate"),
    ("train.optimizer.kind", "--optimizer"),
    ("train.precision", "--precision"),
    ("train.stochastic_depth", "--stochastic-depth"),
    ("train.ema.decay", "--ema"),
    ("train.average", "--average"),
    ("train.average.epochs", "--average"),
    ("train.schedule.kind", "--schedule"),
    ("train.seed", "--seed"),
    ("train.augment.randaugment", "--augment"),
    ("train.augment.mixup", "--mixup"),
    ("train.augment.cutmix", "--cutmix"),
    ("machine.backend", "--backend"),
    ("machine.devices", "--devices"),
    ("machine.threads", "--threads"),
    ("machine.workers", "--workers"),
    ("checkpoint.every", "--checkpoint-every"),
    ("start.from", "--from"),
    ("start.freeze", "--freeze"),
    ("track_erf", "--track-erf"),
    ("overfit", "--overfit"),
    ("seeds", "--seeds"),
    ("folds", "--folds"),
    ("trials", "--trials"),
    ("minutes", "--minutes"),
    ("range_test.from", "--from-rate"),
    ("range_test.to", "--to-rate"),
    ("range_test.steps", "--steps"),
    ("layer", "--layer"),
    ("class", "--class"),
    ("classes", "--classes"),
    ("smooth", "--smooth"),
    ("split", "--split"),
    ("samples", "--samples"),
    ("noise", "--noise"),
    ("unit", "--unit"),
    ("channels", "--channels"),
];

/// Whether this program was started with this flag.
fn is_given(flag: &str) -> bool {
    std::env::args_os().any(|argument| {
        let argument = argument.to_string_lossy();
        argument.split('=').next() == Some(flag)
    })
}

/// Whether the current command has an argument for a setting: some values come from the run instead.
pub(super) fn has_argument(setting: &str) -> bool {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    match setting {
        "data.source" => {
            ["train", "tune", "lr-find"]
                .iter()
                .any(|known| command == *known)
                && !is_given("--resume")
        }
        "split" => is_given("--split"),
        _ => true,
    }
}

/// The argument that sets a setting, in parentheses, if there is one.
pub(super) fn set_by(setting: &str) -> String {
    if setting == "machine.backend"
        && !is_given("--backend")
        && std::env::var_os("BURN_DEVICE").is_some()
    {
        return " (set by BURN_DEVICE)".into();
    }
    let argument = ARGUMENTS.iter().find(|(name, _)| *name == setting);
    argument.map_or(String::new(), |(_, argument)| {
        format!(" (set by {argument})")
    })
}

/// Whether this program was started with `--set` for this setting, for one inside it, or for its table.
pub(super) fn was_set(setting: &str) -> bool {
    std::env::args_os().any(|argument| sets(&argument.to_string_lossy(), setting))
}

fn sets(argument: &str, setting: &str) -> bool {
    let argument = argument.strip_prefix("--set=").unwrap_or(argument);
    let Some((key, _)) = argument.split_once('=') else {
        return false;
    };
    let key = key.trim();
    let is_within = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    !key.is_empty() && (is_within(key, setting) || is_within(setting, key))
}

/// A note, extended by the arguments for the settings that it names.
pub(crate) fn note_with_arguments(note: &str) -> String {
    let mut note = note.to_owned();
    let mut named = Vec::new();
    for (setting, argument) in ARGUMENTS.iter().filter(|(name, _)| name.contains('.')) {
        let by_itself = format!("({setting})");
        if note.contains(&by_itself) {
            note = note.replace(&by_itself, &format!("({setting}, {argument})"));
        } else if note.contains(&format!("{setting} = ")) {
            named.push(*argument);
        }
    }
    named.dedup();
    match named.as_slice() {
        [] => note,
        [one] => format!("{note} (argument: {one})"),
        more => format!("{note} (arguments: {})", more.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_sets_what_is_within_it_and_what_it_is_within() {
        for argument in [
            "train.augment.exclude.flip=[1]",
            "--set=train.augment.exclude = {}",
            "train.augment={}",
        ] {
            assert!(sets(argument, "train.augment.exclude"), "{argument}");
        }
        for argument in [
            "train.augment.excluded=1",
            "train.augment.flip=1",
            "=",
            "photos",
            "train",
        ] {
            assert!(!sets(argument, "train.augment.exclude"), "{argument}");
        }
    }

    #[test]
    fn a_note_names_the_arguments_of_its_settings() {
        for (note, expected) in [
            (
                "10 epochs (train.epochs)",
                "10 epochs (train.epochs, --epochs)",
            ),
            (
                "train.epochs = 3 is few",
                "train.epochs = 3 is few (argument: --epochs)",
            ),
            (
                "label smoothing (train.label_smoothing)",
                "label smoothing (train.label_smoothing)",
            ),
            (
                "machine.threads = 2, machine.workers = 3",
                "machine.threads = 2, machine.workers = 3 (arguments: --threads, --workers)",
            ),
        ] {
            assert_eq!(note_with_arguments(note), expected);
        }
    }
}
