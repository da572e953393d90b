//! A verdict in one or two sentences, with the numbers that decided.

use super::rule::Numbers;
use super::thresholds::{
    GAUSSIAN_HOLE, GAUSSIAN_KURTOSIS, GAUSSIAN_MARDIA, GAUSSIAN_RATIO, GAUSSIAN_TV, LEAST_SIGMA,
    MOST_NOISE, OTHER_HOLE, OTHER_KURTOSIS, OTHER_TV, SETTLED_NOISE,
};
use super::{Estimate, Reason, Verdict};

/// A number, with its interval where it has one.
pub(super) fn number(estimate: &Estimate, digits: usize) -> String {
    let Estimate { value, low, high } = estimate;
    if low == high {
        return format!("{value:.digits$}");
    }
    format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]")
}

/// The sentences of a verdict that the numbers gave.
pub(super) fn sentences(verdict: Verdict, reason: Option<Reason>, numbers: &Numbers) -> String {
    let tv = number(&numbers.tv, 3);
    let [rows, columns] = numbers.kurtosis.map(|kurtosis| number(&kurtosis, 2));
    let shape = reason.map_or_else(String::new, |reason| reason.to_string());
    match verdict {
        Verdict::Gaussian => format!(
            "Total variation {tv} from the Gaussian of its moments (at most {GAUSSIAN_TV:.2}), \
             excess kurtosis {rows} and {columns} (within {GAUSSIAN_KURTOSIS})."
        ),
        Verdict::NotGaussian => format!("{}: {}.", capital(&shape), beyond(numbers)),
        Verdict::Borderline => format!(
            "{}: {}; not beyond total variation {OTHER_TV}, kurtosis {OTHER_KURTOSIS} or a hole \
             index under {OTHER_HOLE}, so no clear no.",
            capital(&shape),
            missed(numbers)
        ),
        Verdict::Inconclusive if reason == Some(Reason::Degenerate) => format!(
            "Its smallest sigma is {:.2} px, under {LEAST_SIGMA} px: the pixels are too coarse to \
             carry a Gaussian.",
            numbers.sigma
        ),
        Verdict::Inconclusive => noisy(numbers),
    }
}

fn noisy(numbers: &Numbers) -> String {
    let tv = number(&numbers.tv, 3);
    // Noise falls with the root of the samples.
    let more = (numbers.noise / SETTLED_NOISE).powi(2).max(1.1);
    let more = if more < 10.0 {
        format!("{:.1}", (more * 10.0).ceil() / 10.0)
    } else {
        format!("{:.0}", more.ceil())
    };
    let what = if numbers.noise > MOST_NOISE {
        format!("more than the {MOST_NOISE} that allow a verdict")
    } else {
        "too much, as the interval of a number that decides lies across its margin".to_owned()
    };
    format!(
        "The noise in total variation is {:.3}, {what}; total variation {tv}. About {more} times \
         as many samples would settle it.",
        numbers.noise
    )
}

/// The numbers that say no.
fn beyond(numbers: &Numbers) -> String {
    let mut said = Vec::new();
    if numbers.tv.low > OTHER_TV {
        said.push(format!(
            "total variation {} from the Gaussian of its moments (more than {OTHER_TV})",
            number(&numbers.tv, 3)
        ));
    }
    if numbers.hole.high <= OTHER_HOLE {
        let hole = number(&numbers.hole, 2);
        said.push(format!("hole index {hole} (less than {OTHER_HOLE})"));
    }
    for (axis, kurtosis) in ["rows", "columns"].iter().zip(&numbers.kurtosis) {
        if kurtosis.magnitude().low > OTHER_KURTOSIS {
            let kurtosis = number(kurtosis, 2);
            said.push(format!(
                "excess kurtosis {kurtosis} along the {axis} (beyond {OTHER_KURTOSIS})"
            ));
        }
    }
    said.join(", ")
}

/// The numbers that keep a map from being called a Gaussian.
fn missed(numbers: &Numbers) -> String {
    let mut said = Vec::new();
    if numbers.tv.high > GAUSSIAN_TV {
        let tv = number(&numbers.tv, 3);
        said.push(format!(
            "total variation {tv} (Gaussian up to {GAUSSIAN_TV:.2})"
        ));
    }
    for (axis, kurtosis) in ["rows", "columns"].iter().zip(&numbers.kurtosis) {
        if kurtosis.magnitude().high > GAUSSIAN_KURTOSIS {
            let kurtosis = number(kurtosis, 2);
            said.push(format!(
                "excess kurtosis {kurtosis} along the {axis} (Gaussian within {GAUSSIAN_KURTOSIS})"
            ));
        }
    }
    if numbers.mardia.magnitude().high > GAUSSIAN_MARDIA {
        let mardia = number(&numbers.mardia, 2);
        said.push(format!(
            "Mardia's excess {mardia} (Gaussian within {GAUSSIAN_MARDIA})"
        ));
    }
    if numbers.hole.low <= GAUSSIAN_HOLE {
        let hole = number(&numbers.hole, 2);
        said.push(format!("hole index {hole} (Gaussian from {GAUSSIAN_HOLE})"));
    }
    let [least, most] = GAUSSIAN_RATIO;
    match &numbers.ratio {
        None => said.push("the least-squares fit does not converge".to_owned()),
        Some(ratio) if ratio.low <= least || ratio.high > most => said.push(format!(
            "fitted over moment sigma {} (Gaussian from {least} to {most})",
            number(ratio, 2)
        )),
        Some(_) => {}
    }
    said.join(", ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
