//! The sections of a page, one file each: the data shown, how they are gathered, and the HTML.

mod batch;
mod calibration;
mod classes;
mod confusions;
mod curves;
mod data;
mod features;
mod field;
mod gain;
mod growth;
mod headline;
mod held_out;
mod losses;
mod model;
mod settings;

pub(crate) use batch::BatchSection;
pub(crate) use calibration::Probabilities;
pub(crate) use classes::Classes;
pub(crate) use confusions::Confusions;
pub(crate) use curves::Curves;
pub(crate) use data::Data;
pub(crate) use features::FeatureSection;
pub(crate) use field::FieldSection;
pub(crate) use gain::{GainSection, mean_gain};
pub(crate) use growth::Growth;
pub(crate) use headline::Headline;
pub(crate) use held_out::HeldOutImages;
pub(crate) use losses::Losses;
pub(crate) use model::Model;
pub(crate) use settings::Settings;
