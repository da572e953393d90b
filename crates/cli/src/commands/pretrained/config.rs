//! A published network's `config.json`, as written by timm.

use crate::error::CliError;
use receptive_core::text::Printable;
use receptive_model::store::read_text;
use receptive_model::{Fit, ImageSize, InputSpec, Interpolation, Resize};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Maximum size in bytes of a `config.json`: ImageNet-21k's class names take one megabyte.
const CONFIG_BYTES: u64 = 16 << 20;

/// The keys that are read; others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct PublishedConfig {
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) label_names: Option<Vec<String>>,
    #[serde(default)]
    num_classes: Value,
    #[serde(default)]
    global_pool: Option<String>,
    #[serde(default)]
    model_args: Map<String, Value>,
    #[serde(default)]
    pretrained_cfg: Option<PretrainedConfig>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct PretrainedConfig {
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    input_size: Option<[usize; 3]>,
    #[serde(default)]
    interpolation: Option<String>,
    #[serde(default)]
    crop_pct: Option<f64>,
    #[serde(default)]
    crop_mode: Option<String>,
    #[serde(default)]
    mean: Option<Vec<f32>>,
    #[serde(default)]
    std: Option<Vec<f32>>,
    #[serde(default)]
    license: Option<String>,
}

/// Whether a network argument leaves the preset unchanged: it has the preset's own value, or it concerns
/// training or the classes, which the file determines.
fn is_default(argument: &str, value: &Value) -> bool {
    match argument {
        "num_classes" | "pretrained" | "drop_rate" | "drop_path_rate" => true,
        "in_chans" => value == 3,
        "global_pool" => value == "avg",
        _ => value.is_null(),
    }
}

impl PublishedConfig {
    pub(super) fn load(path: &Path) -> Result<Self, CliError> {
        let text = read_text(path, CONFIG_BYTES)?;
        let mut config: Self = serde_json::from_str(&text).map_err(|error| {
            CliError::Usage(format!(
                "{}: expected a published network's config with its `architecture`: {error}",
                path.printable()
            ))
        })?;
        config.path = path.into();
        if let Some(pool) = config.global_pool.as_deref().filter(|pool| *pool != "avg") {
            return Err(config.reject(format!(
                "its `global_pool` is `{pool}`, but the presets average; give --network FILE with \
                 the config of exactly this network"
            )));
        }
        let mut arguments = config.model_args.iter();
        if let Some((argument, value)) = arguments.find(|(name, value)| !is_default(name, value)) {
            return Err(config.reject(format!(
                "its `model_args` set `{argument}` to {value}, which the preset does not; give \
                 --network FILE with the config of exactly this network"
            )));
        }
        Ok(config)
    }

    /// The name of the weights: `resnet18.a1_in1k`. Programs that save fine-tuned weights keep the name of the
    /// initial weights.
    pub(super) fn name(&self) -> Option<String> {
        let tag = self.pretrained_cfg.as_ref()?.tag.as_deref()?;
        Some(format!("{}.{tag}", self.architecture))
    }

    /// The number of classes according to the config.
    pub(super) fn class_count(&self) -> Option<usize> {
        usize::try_from(self.num_classes.as_u64()?).ok()
    }

    pub(super) fn licence(&self) -> Option<String> {
        self.pretrained_cfg.as_ref()?.license.clone()
    }

    /// The input; `None` if the config has none.
    pub(super) fn input(&self) -> Result<Option<InputSpec>, CliError> {
        let Some(pretrained) = &self.pretrained_cfg else {
            return Ok(None);
        };
        // timm's defaults for omitted keys.
        let [channels, height, width] = pretrained.input_size.unwrap_or([3, 224, 224]);
        let mean = pretrained.mean.clone().unwrap_or(vec![0.485, 0.456, 0.406]);
        let std = pretrained.std.clone().unwrap_or(vec![0.229, 0.224, 0.225]);
        for (name, values) in [("mean", &mean), ("std", &std)] {
            let is_valid = |value: &f32| value.is_finite() && (name == "mean" || *value > 0.0);
            if values.len() != channels || !values.iter().all(is_valid) {
                return Err(self.reject(format!(
                    "expected `{name}` with {channels} finite numbers, found {values:?}"
                )));
            }
        }
        Ok(Some(
            InputSpec::new(ImageSize::new(channels, height, width))
                .with_fit(self.fit(pretrained)?)
                .with_normalization(mean, std),
        ))
    }

    fn fit(&self, pretrained: &PretrainedConfig) -> Result<Fit, CliError> {
        let interpolation = match pretrained.interpolation.as_deref() {
            None | Some("bicubic") => Interpolation::Bicubic,
            Some("bilinear") => Interpolation::Bilinear,
            Some(other) => {
                return Err(self.reject(format!(
                    "expected the interpolation `bilinear` or `bicubic`, found `{other}`; give \
                     --interpolation and --resize"
                )));
            }
        };
        let fraction = pretrained.crop_pct.unwrap_or(0.875);
        let (resize, crop_fraction) = match pretrained.crop_mode.as_deref() {
            None | Some("center") => (Resize::Crop, Some(fraction)),
            Some("squash") if fraction == 1.0 => (Resize::Stretch, None),
            Some("border") if fraction == 1.0 => (Resize::Pad, None),
            Some(other) => {
                return Err(self.reject(format!(
                    "its `crop_mode` is `{other}` with `crop_pct` {fraction}, but only `center` crops"
                )));
            }
        };
        let fit = Fit {
            resize,
            interpolation,
            crop_fraction,
        };
        fit.check().map_err(|problem| self.reject(problem))?;
        Ok(fit)
    }

    fn reject(&self, problem: impl std::fmt::Display) -> CliError {
        CliError::Usage(format!("{}: {problem}", self.path.printable()))
    }
}
