//! Determines which form of a published network a file of weights has.

use super::matching::{Contents, KnownNames, Names, has_names, has_names_but_last};
use super::read::WeightFile;
use receptive_model::presets::{KnownWeights, PublishedForm};

/// The form of a file.
#[derive(Debug, Clone)]
pub struct FormChoice<'a> {
    /// The form.
    pub form: &'a PublishedForm,
    /// How the file's names are interpreted.
    pub names: Names,
    /// The number of outputs of the network's last layer with weights, if the file determines it.
    pub outputs: Option<usize>,
    /// The weights, if the file's hash is a known one.
    pub weights: Option<&'a KnownWeights>,
}

/// Chooses among the forms of a network by the file's names and hash: known weights first,
/// otherwise the first form for which the file has all names, or all except those of the head.
/// `None` if there is no such form.
pub fn choose_form<'a>(forms: &'a [PublishedForm], file: &WeightFile) -> Option<FormChoice<'a>> {
    let contents = file.contents();
    let with = |has: fn(&[String], &Contents) -> bool| -> Vec<&PublishedForm> {
        forms
            .iter()
            .filter(|form| has(&form.names, &contents))
            .collect()
    };
    let mut fitting = with(has_names);
    if fitting.is_empty() {
        fitting = with(has_names_but_last);
    }
    let known = fitting.iter().find_map(|form| {
        let weights = form.weights_of(file.sha256())?;
        Some((*form, Some(weights)))
    });
    let (form, weights) = known.or_else(|| Some((*fitting.first()?, None)))?;
    let head = form.names.last()?;
    let weight = format!("{head}.weight");
    let is_head = |name: &str| {
        let before = name.strip_suffix(&weight);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let outputs = contents.tensors.iter().find(|tensor| is_head(&tensor.name));
    Some(FormChoice {
        form,
        outputs: outputs.and_then(|tensor| tensor.shape.first().copied()),
        names: Names::Known(KnownNames {
            scheme: form.scheme.name().into(),
            layers: form.names.clone(),
            auxiliary: form.auxiliary.iter().map(ToString::to_string).collect(),
        }),
        weights,
    })
}

/// The layers of a published form whose names the file does not have.
pub fn missing_layers<'a>(form: &'a PublishedForm, file: &WeightFile) -> Vec<&'a str> {
    let contents = file.contents();
    let names = form.names.iter();
    let is_missing = |name: &&String| !has_names(std::slice::from_ref(name), &contents);
    names.filter(is_missing).map(String::as_str).collect()
}
