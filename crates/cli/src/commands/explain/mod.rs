//! `receptive explain`: one layer by hand, each number with its formula.

mod conv;
mod dense;
mod picture;
mod plan;
mod pool;
mod shown;
mod site;
mod sliding;
mod uneven;

use crate::args::ExplainLayer;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) fn run(layer: &ExplainLayer) -> Result<Exit, CliError> {
    match layer {
        ExplainLayer::Conv(arguments) => conv::explain(arguments)?,
        ExplainLayer::Pool(arguments) => pool::explain(arguments)?,
        ExplainLayer::Dense(arguments) => dense::explain(arguments)?,
    }
    Ok(Exit::Done)
}
