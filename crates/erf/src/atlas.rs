//! An atlas of receptive fields: the theoretical and the effective field of the last layer of each
//! stage of many networks, as JSON that a later run continues and as Markdown tables.

use crate::gaussian::{Estimate, MassSquare, Verdict};
use crate::measure::Channels;
use crate::study::Study;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The networks measured so far, and the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Atlas {
    /// The settings of all measurements.
    pub conditions: Conditions,
    /// In the order in which they were measured.
    pub networks: Vec<AtlasNetwork>,
}

/// The settings, besides the network, on which the numbers of an atlas depend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Maximum number of samples per layer.
    pub samples: u64,
    /// Sampling stops once noise alone explains at most this total variation.
    pub noise: f64,
    /// Seed of weights, noise and signs.
    pub seed: u64,
    /// The channels of each unit.
    pub channels: Channels,
    /// The largest side of the images, in pixels.
    pub largest: usize,
    /// `[height, width]` of all images, if given.
    pub size: Option<[usize; 2]>,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtlasNetwork {
    /// The name of the preset or the path of the model.
    pub name: String,
    /// `random` (redrawn for each sample) or `given`.
    pub weights: String,
    /// Its input images.
    pub input: String,
    /// `[height, width]` of the images, in pixels.
    pub image: [usize; 2],
    /// A hash of its layers, weights and images; empty if it is unknown.
    #[serde(default)]
    pub sha256: String,
    /// In order, starting from the image.
    pub stages: Vec<Stage>,
}

/// The last layer of a stage: the mean absolute gradient of its central unit. Lengths are in pixels
/// of the image; the two axes are combined by their geometric mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The layer's number.
    pub layer: String,
    /// The layer's name.
    pub layer_name: String,
    /// The distance in pixels between neighbouring units.
    pub stride: i64,
    /// `[height, width]` of the theoretical field, padding included.
    pub trf: [usize; 2],
    /// Standard deviation of the effective field.
    pub sigma: Estimate,
    /// The size according to Luo et al.
    pub size: Estimate,
    /// That size divided by the side of the theoretical field.
    pub ratio: Estimate,
    /// Total variation to a Gaussian, corrected for noise.
    pub tv: Estimate,
    /// Whether the field is a Gaussian.
    pub verdict: Verdict,
    /// The squares that contain given shares of the mass.
    pub mass_squares: Vec<MassSquare>,
    /// The same squares as computed by RepLKNet's tool, after its logarithm.
    pub replknet_squares: Vec<MassSquare>,
    /// Standard deviation of what the theory predicts: the mean square gradient, or the mean
    /// absolute gradient if all weights are equal.
    pub sigma_square: Estimate,
    /// The theoretical prediction of `sigma_square`: with random weights, or with these weights
    /// under random signs.
    pub sigma_null: f64,
    /// Whether the theory is exact for this network.
    pub exact: bool,
    /// Number of independent samples.
    pub samples: u64,
}

impl Stage {
    /// The numbers from a study of the mean absolute gradient.
    pub fn from_study(study: &Study) -> Self {
        let (headline, measured) = (&study.headline, &study.measurement);
        let mut fields = std::iter::once(headline).chain(&study.others);
        let predicted = fields.find(|field| field.aggregate == study.theory.aggregate);
        let [rows, columns] = study.theory.sigma;
        Self {
            layer: study.layer.number.clone(),
            layer_name: study.layer.name.clone(),
            stride: study.layer.trf[0].stride,
            trf: [measured.trf.height, measured.trf.width],
            sigma: headline.sigma_both,
            size: headline.size,
            ratio: headline.ratio,
            tv: headline.judgement.tv,
            verdict: headline.judgement.verdict,
            mass_squares: headline.mass_squares.clone(),
            replknet_squares: study.replknet_squares(),
            sigma_square: predicted.unwrap_or(headline).sigma_both,
            sigma_null: (rows * columns).sqrt(),
            exact: study.theory.exact,
            samples: measured.samples,
        }
    }
}

impl Atlas {
    /// An empty atlas.
    pub fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            networks: Vec::new(),
        }
    }

    /// Adds a network, replacing an earlier measurement of it.
    pub fn insert(&mut self, network: AtlasNetwork) {
        let known = self
            .networks
            .iter_mut()
            .find(|one| one.name == network.name);
        match known {
            Some(known) => *known = network,
            None => self.networks.push(network),
        }
    }

    /// The network with this name, if it was measured.
    pub fn find(&self, name: &str) -> Option<&AtlasNetwork> {
        self.networks.iter().find(|network| network.name == name)
    }

    /// The tables: a summary of the last stages, then every stage of every network.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| network | weights | image | TRF | sigma | size | size / TRF | TV | verdict |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for network in &self.networks {
            if let Some(last) = network.stages.last() {
                let [height, width] = network.image;
                let AtlasNetwork { name, weights, .. } = network;
                let image = format!("{height}x{width}");
                let numbers = last.cells();
                // Writing to a string does not fail.
                let _ = writeln!(text, "| {name} | {weights} | {image} | {numbers} |");
            }
        }
        for network in &self.networks {
            text.push_str(&network.markdown());
        }
        text
    }
}

impl AtlasNetwork {
    fn markdown(&self) -> String {
        let [height, width] = self.image;
        let mut text = format!(
            "\n### {}\n\nWeights {}, {}, {height}x{width} pixels; mean |g|.{}\n\n\
             | stage | stride | TRF | sigma | size | size / TRF | TV | verdict | sigma of g² | in theory | 20 / 50 / 99 % of the mass within |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
            self.name,
            self.weights,
            self.input,
            if self.stages.iter().all(|stage| stage.exact) {
                ""
            } else {
                " \\* not exact for this network."
            }
        );
        for stage in &self.stages {
            let side = |share: f64| {
                let square = stage.mass_squares.iter().find(|one| one.share == share);
                square.map_or("?".into(), |square| square.side.to_string())
            };
            let _ = writeln!(
                text,
                "| {} {} | {} | {} | {} | {:.2}{} | {} / {} / {} px |",
                stage.layer,
                stage.layer_name,
                stage.stride,
                stage.cells(),
                stage.sigma_square.rounded(2),
                stage.sigma_null,
                if stage.exact { "" } else { "*" },
                side(0.20),
                side(0.50),
                side(0.99),
            );
        }
        text
    }
}

impl Stage {
    /// The cells of a table from the theoretical field to the verdict.
    fn cells(&self) -> String {
        let [height, width] = self.trf;
        format!(
            "{height}x{width} | {} | {} | {} | {} | {}",
            self.sigma.rounded(2),
            self.size.rounded(1),
            self.ratio.rounded(3),
            self.tv.rounded(3),
            self.verdict
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(layer: &str, stride: i64, sigma: f64) -> Stage {
        Stage {
            layer: layer.into(),
            layer_name: format!("conv2d_{layer}"),
            stride,
            trf: [41, 41],
            sigma: Estimate {
                value: sigma,
                low: sigma - 0.25,
                high: sigma + 0.25,
            },
            size: Estimate::exact(16.0),
            ratio: Estimate::exact(16.0 / 41.0),
            tv: Estimate::exact(0.013),
            verdict: Verdict::Gaussian,
            mass_squares: [0.20, 0.30, 0.50, 0.99]
                .map(|share| MassSquare {
                    share,
                    side: (100.0 * share) as usize,
                    of_image: share,
                })
                .to_vec(),
            replknet_squares: Vec::new(),
            sigma_square: Estimate::exact(sigma / 1.4),
            sigma_null: sigma / 1.5,
            exact: false,
            samples: 40,
        }
    }

    fn network(name: &str) -> AtlasNetwork {
        AtlasNetwork {
            name: name.into(),
            weights: "random".into(),
            input: "noise".into(),
            image: [48, 48],
            sha256: String::new(),
            stages: vec![stage("2", 1, 3.0), stage("5", 2, 6.0)],
        }
    }

    fn atlas() -> Atlas {
        let mut atlas = Atlas::new(Conditions {
            samples: 40,
            noise: 0.05,
            seed: 0,
            channels: Channels::RandomSigns,
            largest: 512,
            size: None,
        });
        atlas.insert(network("a"));
        atlas.insert(network("b"));
        atlas
    }

    #[test]
    fn the_summary_has_the_last_stage_and_each_network_all_of_them() {
        let text = atlas().markdown();
        let summary =
            "| a | random | 48x48 | 41x41 | 6.00 ±0.25 | 16.0 | 0.390 | 0.013 | GAUSSIAN |";
        assert!(text.contains(summary), "{text}");
        assert!(
            text.contains("| 2 conv2d_2 | 1 | 41x41 | 3.00 ±0.25 |"),
            "{text}"
        );
        assert!(text.contains("| 4.00* | 20 / 50 / 99 px |"), "{text}");
        // Every row of a table has as many cells as its header.
        for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
            let cells: Vec<usize> = table
                .lines()
                .map(|line| line.matches('|').count())
                .collect();
            assert!(cells.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
        }
    }

    #[test]
    fn a_network_measured_again_keeps_its_place_and_json_keeps_all() {
        let mut atlas = atlas();
        let again = AtlasNetwork {
            image: [64, 64],
            ..network("a")
        };
        atlas.insert(again);
        let names: Vec<&str> = atlas.networks.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(atlas.find("a").unwrap().image, [64, 64]);
        let json = serde_json::to_string(&atlas).unwrap();
        assert_eq!(serde_json::from_str::<Atlas>(&json).unwrap(), atlas);
    }
}
