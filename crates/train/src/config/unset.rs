//! The optional settings of a config.

/// An optional setting of a config, and its comment in `config.toml` if it is not set: an example value, and
/// what happens without it.
pub(super) struct UnsetLine {
    /// The table that contains it; empty for the top level.
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    example: &'static str,
    without: &'static str,
}

const fn unset(
    table: &'static str,
    name: &'static str,
    example: &'static str,
    without: &'static str,
) -> UnsetLine {
    UnsetLine {
        table,
        name,
        example,
        without,
    }
}

/// All optional settings; a test checks that the list is complete.
pub(super) const UNSET: &[UnsetLine] = &[
    unset("", "tensorboard", "true", "no event files"),
    unset(
        "",
        "track_erf",
        "{ layer = \"4\", times = 6, samples = 400 }",
        "the receptive field is not measured",
    ),
    unset(
        "",
        "start",
        "{ from = \"runs/001/model\", freeze = 0 }",
        "weights are initialised from the seed",
    ),
    unset(
        "start",
        "head",
        "\"fitted\"",
        "a new head starts with random weights",
    ),
    unset(
        "start",
        "freeze_statistics",
        "true",
        "batch norm updates its statistics",
    ),
    unset("start", "body_rate", "0.1", "the head's learning rate"),
    unset("start", "stem_rate", "0.01", "the head's learning rate"),
    unset("start", "weights_sha256", "\"...\"", "filled in by a run"),
    unset(
        "machine",
        "devices",
        "[\"flex\", \"flex\"]",
        "the backend's first device",
    ),
    unset("track_erf", "layer", "\"4\"", "the last feature map"),
    unset("data", "data_dir", "\"DIR\"", "the default directories"),
    unset("data", "labels", "\"labels.csv\"", "classes are folders"),
    unset(
        "data",
        "label_column",
        "\"class\"",
        "found by its name and content",
    ),
    unset("data", "group", "\"(.*)_\"", "no groups"),
    unset(
        "data",
        "fold",
        "{ number = 1, of = 5 }",
        "no cross-validation",
    ),
    unset("data", "limit", "1000", "all training images"),
    unset(
        "data",
        "image_size",
        "[64, 64]",
        "the data's own size, or 64 for photos",
    ),
    unset("data", "grey", "true", "unchanged"),
    unset("data", "interpolation", "\"bicubic\"", "\"bilinear\""),
    unset(
        "data",
        "crop_fraction",
        "0.875",
        "images are cropped to the aspect ratio only",
    ),
    unset("data", "max_pixels", "1000000000", "268435456 (2^28)"),
    unset(
        "train",
        "sampling",
        "\"balanced\"",
        "every image once per epoch",
    ),
    unset("train", "accumulate", "4", "a step is one batch"),
    unset(
        "train",
        "decay_norm_and_bias",
        "false",
        "they are decayed like the other parameters",
    ),
    unset("train", "precision", "\"bf16\"", "\"f32\""),
    unset(
        "train",
        "checkpointing",
        "true",
        "all outputs are kept for the backward pass",
    ),
    unset("train", "clip_norm", "1.0", "gradients are not clipped"),
    unset("train", "clip_value", "0.5", "gradients are not clipped"),
    unset("train", "ema", "{ decay = 0.9998, warmup = true }", "off"),
    unset(
        "train",
        "average",
        "{ epochs = 5, statistics = \"recompute\" }",
        "off",
    ),
    unset(
        "train",
        "stochastic_depth",
        "0.1",
        "as in the network's layers",
    ),
    unset(
        "train",
        "early_stopping",
        "{ metric = \"val_loss\", patience = 10 }",
        "all epochs are trained",
    ),
    unset(
        "train.average",
        "rate",
        "0.5",
        "the schedule's learning rate",
    ),
    unset(
        "train.schedule",
        "milestones",
        "[30.0, 60.0]",
        "multi_step has none",
    ),
    unset(
        "train.schedule",
        "one_cycle",
        "{ pct_start = 0.3, div_factor = 25.0, final_div_factor = 10000.0, cycle_momentum = true, \
         base_momentum = 0.85, max_momentum = 0.95 }",
        "these",
    ),
    unset(
        "train.schedule",
        "plateau",
        "{ factor = 0.1, patience = 10, threshold = 0.0001, cooldown = 0, min_fraction = 0.0 }",
        "these",
    ),
    unset("train.augment", "crop", "0.5", "off"),
    unset("train.augment", "vertical_flip", "true", "off"),
    unset(
        "train.augment",
        "affine",
        "{ degrees = 10.0, translate = [0.1, 0.1], scale = [0.9, 1.1], shear = 5.0 }",
        "off",
    ),
    unset(
        "train.augment",
        "randaugment",
        "{ num_ops = 2, magnitude = 9, num_magnitude_bins = 31 }",
        "off",
    ),
    unset(
        "train.augment",
        "trivialaugment",
        "{ num_magnitude_bins = 31 }",
        "off",
    ),
    unset("train.augment", "saturation", "0.2", "off"),
    unset("train.augment", "hue", "0.05", "off"),
    unset("train.augment", "autocontrast", "0.5", "off"),
    unset("train.augment", "equalize", "0.5", "off"),
    unset("train.augment", "invert", "0.5", "off"),
    unset("train.augment", "posterize", "{ bits = 4, p = 0.5 }", "off"),
    unset(
        "train.augment",
        "solarize",
        "{ threshold = 128.0, p = 0.5 }",
        "off",
    ),
    unset("train.augment", "grayscale", "0.1", "off"),
    unset(
        "train.augment",
        "sharpness",
        "{ sharpness_factor = 2.0, p = 0.5 }",
        "off",
    ),
    unset(
        "train.augment",
        "blur",
        "{ kernel_size = 9, sigma = [0.1, 2.0], p = 0.5 }",
        "off",
    ),
    unset(
        "train.augment",
        "fill",
        "\"black\"",
        "the nearest edge pixel",
    ),
    unset("train.augment", "mixup", "0.2", "off"),
    unset("train.augment", "cutmix", "1.0", "off"),
    unset(
        "train.augment",
        "exclude",
        "{ flip = [\"b\", \"d\"] }",
        "the same for all classes",
    ),
];

impl UnsetLine {
    /// Its comment in `config.toml`.
    pub(super) fn line(&self) -> String {
        format!(
            "# {} = {} # not set: {}\n",
            self.name, self.example, self.without
        )
    }
}
