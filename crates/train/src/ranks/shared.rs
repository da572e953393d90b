//! What one rank finds and all must know.

use super::{Kind, Ranks};
use crate::error::TrainError;
use crate::stop::Stop;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the first rank finds, on all ranks: about files that only it has, or by its clock. Without ranks, what
/// this process finds.
///
/// # Errors
/// That of the first rank.
pub fn found_by_first<T: Serialize + DeserializeOwned>(
    ranks: Option<&Ranks>,
    find: impl FnOnce() -> Result<T, TrainError>,
) -> Result<T, TrainError> {
    let Some(ranks) = ranks else {
        return find();
    };
    let own = match ranks.is_first() {
        true => find().and_then(|found| to_json(&found)),
        false => Ok(Vec::new()),
    };
    let all = ranks.gather(Kind::Shared, own)?;
    from_json(&all[0])
}

/// The signal that requested a stop of any rank.
///
/// # Errors
/// The error of another rank.
pub(crate) fn stop_of_any(ranks: Option<&Ranks>, stop: &Stop) -> Result<Option<usize>, TrainError> {
    let own = stop.requested();
    let Some(ranks) = ranks else {
        return Ok(own);
    };
    let all = ranks.gather(Kind::Shared, to_json(&own))?;
    let all: Result<Vec<Option<usize>>, _> = all.iter().map(|text| from_json(text)).collect();
    Ok(all?.into_iter().flatten().max())
}

/// Waits until all ranks are here.
///
/// # Errors
/// The error of another rank.
pub(crate) fn all_are_here(ranks: Option<&Ranks>) -> Result<(), TrainError> {
    let met = ranks.map(|ranks| ranks.gather(Kind::Shared, Ok(Vec::new())));
    met.transpose().map(drop)
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, TrainError> {
    serde_json::to_vec(value).map_err(|error| TrainError::Ranks(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, TrainError> {
    serde_json::from_slice(text).map_err(|error| {
        TrainError::Ranks(format!(
            "what another rank found is not valid JSON: {error}"
        ))
    })
}
