//! `receptive networks`.

use crate::error::{CliError, Exit};
use crate::render::{Table, line, print, print_json};
use clap::Args;
use receptive_core::text::grouped;
use receptive_erf::default_layer;
use receptive_model::presets::{self, PublishedForm};
use receptive_model::{ModelConfig, ModelError, Plan};
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct NetworksArgs {
    /// Names of networks [default: all]
    names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A named network, as `--json` prints it.
#[derive(Serialize)]
struct NamedNetwork {
    name: String,
    /// Whether there are published weights.
    published: bool,
    params: usize,
    /// Multiply-adds per image.
    macs: usize,
    /// The input for the numbers above: that of the published weights, if there are any.
    input: String,
    /// Height in pixels of the receptive field of a unit of the last feature map. `None` if it is the whole
    /// image, as behind a gate or without a feature map.
    field: Option<i64>,
    classes: usize,
    forms: Vec<Form>,
}

/// A format of published weights.
#[derive(Serialize)]
struct Form {
    scheme: &'static str,
    interpolation: String,
    crop_fraction: Option<f64>,
    mean: Vec<f32>,
    std: Vec<f32>,
    weights: Vec<PublishedWeights>,
}

/// Published weights, known by their hash.
#[derive(Serialize)]
struct PublishedWeights {
    name: &'static str,
    sha256: &'static str,
    licence: &'static str,
}

/// Numbers of classes for the table: ImageNet's, or ten for networks without published weights.
const CLASSES: [usize; 2] = [1000, 10];

pub(super) fn run(arguments: &NetworksArgs) -> Result<Exit, CliError> {
    let names = match arguments.names.as_slice() {
        [] => all(),
        names => names.to_vec(),
    };
    let networks: Vec<NamedNetwork> = names
        .iter()
        .map(|name| network(name))
        .collect::<Result<_, _>>()?;
    if arguments.json {
        print_json(&networks)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["network", "params", "MACs", "input", "field", "names"]);
    for network in &networks {
        let schemes: Vec<&str> = network.forms.iter().map(|form| form.scheme).collect();
        table.row([
            network.name.clone(),
            millions(network.params),
            millions(network.macs),
            network.input.clone(),
            network
                .field
                .map_or("all".into(), |field| field.to_string()),
            match schemes.is_empty() {
                true => "-".into(),
                false => schemes.join(", "),
            },
        ]);
    }
    print(table.to_string())?;
    // For all networks at once this would be a second table.
    if !arguments.names.is_empty() {
        for network in &networks {
            show_weights(network)?;
        }
    }
    Ok(Exit::Done)
}

/// Prints the weights known by their hash, with their licences.
fn show_weights(network: &NamedNetwork) -> Result<(), CliError> {
    for form in &network.forms {
        for weights in &form.weights {
            line(
                "weights",
                format!(
                    "{}, {}, licence {}",
                    weights.name, form.scheme, weights.licence
                ),
            )?;
        }
    }
    Ok(())
}

/// receptive's own presets, with one example of `plain-N`, then the published networks.
fn all() -> Vec<String> {
    let own = presets::NAMES.map(|(name, _)| name.replace('N', "20"));
    let published = presets::published_names().map(String::from);
    own.into_iter().chain(published).collect()
}

fn network(name: &str) -> Result<NamedNetwork, ModelError> {
    let forms = presets::published(name);
    let classes = CLASSES[usize::from(forms.is_empty())];
    let input = presets::default_input(name);
    let config: ModelConfig = presets::preset(name, input)?;
    let plan = config.with_classes(classes).plan()?;
    Ok(NamedNetwork {
        name: name.into(),
        published: !forms.is_empty(),
        params: plan.total.params,
        macs: plan.total.macs,
        input: input.to_string(),
        field: field(&plan),
        classes,
        forms: forms.iter().map(form).collect(),
    })
}

/// The receptive field of a unit of the last feature map, unless it is the whole image.
fn field(plan: &Plan) -> Option<i64> {
    let last = default_layer(plan).ok()?;
    (!last.is_gated()).then(|| last.trf[0].size())
}

fn form(form: &PublishedForm) -> Form {
    let weights = form.weights.iter().map(|weights| PublishedWeights {
        name: weights.name,
        sha256: weights.sha256,
        licence: weights.licence,
    });
    Form {
        scheme: form.scheme.name(),
        interpolation: form.input.interpolation.to_string(),
        crop_fraction: form.input.crop_fraction,
        mean: form.input.mean.clone(),
        std: form.input.std.clone(),
        weights: weights.collect(),
    }
}

/// `11.7 M`, `640 K`, or all digits below ten thousand.
pub(super) fn millions(count: usize) -> String {
    match count {
        0..10_000 => grouped(count),
        10_000..1_000_000 => format!("{:.0} K", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", count as f64 / 1e6),
        _ => format!("{:.2} G", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_can_be_described() {
        for name in all() {
            let network = network(&name).unwrap();
            assert!(network.params > 0 && network.macs > 0, "{name}");
            assert_eq!(network.published, !network.forms.is_empty(), "{name}");
        }
        assert!(network("resnet19").is_err());
    }

    #[test]
    fn counts_are_short() {
        for (count, text) in [
            (9_999, "9,999"),
            (640_000, "640 K"),
            (11_689_512, "11.7 M"),
            (4_100_000_000, "4.10 G"),
        ] {
            assert_eq!(millions(count), text);
        }
    }
}
