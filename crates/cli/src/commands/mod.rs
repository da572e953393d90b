//! One file per command: its arguments, one library call, and its output. The exceptions are what several
//! commands need to find what an argument names: `run` (a run or its data), `network` (a run, a preset or a
//! file) and `pretrained` (weights to import).

mod attend;
mod backends;
mod bench;
mod completions;
mod data;
mod erf;
mod evaluate;
mod explain;
mod export;
mod features;
mod import;
mod lr_find;
mod man;
mod network;
mod networks;
mod predict;
mod pretrained;
mod report;
mod run;
mod summary;
mod train;
mod tune;

use crate::error::{CliError, Exit};
use crate::render::say_paragraph;
use clap::{Parser, Subcommand};
use receptive_core::file::write_over_own;
use receptive_plot::Draw;
use std::path::Path;
use std::sync::Once;

/// Train convolutional image classifiers and measure their receptive fields.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 80,
    after_help = "Exit codes: 0 success, 1 failure, 2 wrong usage or invalid setting;\n130 stopped \
                  by Ctrl-C and 143 by SIGTERM, both after saving.\n\nResults go to standard \
                  output, messages to standard error."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a classifier and write a run directory: model, curves, confusion matrix
    Train(train::TrainArgs),
    /// Search for settings: learning rate, weight decay, augmentation, network
    Tune(tune::TuneArgs),
    /// Find a learning rate: increase it step by step until the loss diverges
    LrFind(lr_find::LrFindArgs),
    /// Measure a trained model's accuracy on a data set
    Evaluate(evaluate::EvaluateArgs),
    /// Write an HTML report of a run: curves, mistakes, feature maps, receptive field
    Report(report::ReportArgs),
    /// Predict the most probable classes of images
    Predict(predict::PredictArgs),
    /// Draw a network's feature maps of an image, and its first layer's filters
    Features(features::FeaturesArgs),
    /// Show which parts of an image support a class: Grad-CAM and input gradients
    Attend(attend::AttendArgs),
    /// Measure a unit's effective receptive field and test whether it is Gaussian
    Erf(erf::ErfArgs),
    /// Export a trained model to ONNX, or to safetensors with its network in PyTorch
    Export(export::ExportArgs),
    /// Import weights: a safetensors file, a PyTorch checkpoint, or published ones
    Import(import::ImportArgs),
    /// Show a network layer by layer: shapes, parameters, receptive fields
    Summary(summary::SummaryArgs),
    /// List the named networks: parameters, input, receptive field, published weights
    Networks(networks::NetworksArgs),
    /// Explain one layer's arithmetic: size, padding, parameters, receptive field
    Explain(explain::ExplainArgs),
    /// Show a summary of a data set: classes, splits, sizes, damaged files
    Data(data::DataArgs),
    /// List the backends and the devices found
    Backends(backends::BackendsArgs),
    /// Time training, inference or receptive fields on this machine
    Bench(bench::BenchArgs),
    /// Print a shell completion script
    Completions(completions::CompletionsArgs),
    /// Print a manual page, or write the pages of all commands
    Man(man::ManArgs),
}

impl Arguments {
    /// The command's name.
    pub(crate) fn name(&self) -> String {
        if let Command::Erf(arguments) = &self.command {
            return arguments.name().into();
        }
        let text = format!("{:?}", self.command);
        let variant = text.split('(').next().unwrap_or_default();
        let mut name = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }

    /// Whether several processes can share the command's work.
    pub(crate) const fn can_be_shared(&self) -> bool {
        matches!(
            self.command,
            Command::Train(_) | Command::Tune(_) | Command::Evaluate(_) | Command::Erf(_)
        )
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<Exit, CliError> {
    match arguments.command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Tune(arguments) => tune::run(&arguments),
        Command::LrFind(arguments) => lr_find::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Attend(arguments) => attend::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Erf(arguments) => erf::run(&arguments),
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Networks(arguments) => networks::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Backends(arguments) => backends::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}

/// Writes a figure; reports once which of its characters are missing in all fonts.
fn write_picture(picture: &dyn Draw, path: &Path) -> Result<(), CliError> {
    static SAID: Once = Once::new();
    picture.write(path)?;
    if let Some(note) = picture.page()?.note() {
        SAID.call_once(|| say_paragraph("note", note));
    }
    Ok(())
}

/// Creates the output directory of a command.
fn create_directory(directory: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(directory)
        .inspect_err(|_| say_paragraph("note", "--out sets another path"))
        .map_err(CliError::io(directory, "create the directory"))
}

/// Writes a file, unless one exists that begins differently and therefore is not ours.
fn write_like(path: &Path, bytes: &[u8], beginning: usize) -> Result<(), CliError> {
    let beginning = &bytes[..beginning.min(bytes.len())];
    write_over_own(path, bytes, |head| head.starts_with(beginning))
        .map_err(CliError::io(path, "write"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ARGUMENTS;
    use clap::CommandFactory;
    use receptive_model::presets;
    use receptive_train::RunConfig;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_argument_has_a_help_text_of_the_same_style() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = format!("{} {}", command.get_name(), argument.get_id());
                let help = argument
                    .get_help()
                    .unwrap_or_else(|| panic!("{name} has no help"));
                let help = help.to_string();
                assert!(!help.ends_with('.'), "{name}: {help}");
                assert!(help.starts_with(char::is_uppercase), "{name}: {help}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }

    #[test]
    fn settings_and_the_arguments_that_set_them_exist() {
        let program = Arguments::command();
        let arguments: Vec<String> = program
            .get_subcommands()
            .flat_map(clap::Command::get_arguments)
            .map(|known| match known.get_long() {
                Some(long) => format!("--{long}"),
                None => known.get_id().as_str().to_uppercase(),
            })
            .collect();
        let config = toml::Value::try_from(RunConfig::preset(presets::DEFAULT).unwrap()).unwrap();
        for (setting, argument) in ARGUMENTS {
            assert!(
                arguments.iter().any(|known| known == argument),
                "{argument}"
            );
            // A table of the config, except for optional tables that this config does not have, and for the
            // range test, which is not in any config.
            if let Some((section, _)) = setting.split_once('.') {
                assert!(
                    config.get(section).is_some() || ["start", "range_test"].contains(&section),
                    "{setting}"
                );
            }
        }
    }
}
