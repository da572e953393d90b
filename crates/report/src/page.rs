//! The page: its frame, its sections in order, and the list of missing parts.

use crate::report::{MissingSection, Report};
use crate::text::{Part, missing};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use receptive_core::mark;
use receptive_core::text::printable_lines;

const STYLE: &str = include_str!("style.css");

/// The page may load embedded images and its own style only.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// A section: its anchor, its heading, and its content or why there is none.
struct Section {
    id: &'static str,
    heading: &'static str,
    body: Part<Markup>,
}

/// A page with this body, without scripts or external resources.
pub(crate) fn document(title: &str, body: &Markup) -> String {
    let generator = format!("{} {}", mark::SOFTWARE, env!("CARGO_PKG_VERSION"));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(generator);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    printable_lines(&page.into_string()).into_owned()
}

impl Report {
    /// The whole page.
    pub fn html(&self) -> String {
        let sections = self.sections();
        let title = format!("Run {} · receptive", self.headline.name());
        let body = html! {
            (self.headline.html())
            nav aria-label="Sections" {
                ul {
                    @for section in &sections {
                        li { a href=(format!("#{}", section.id)) { (section.heading) } }
                    }
                }
            }
            main {
                @for section in &sections { (section.html()) }
            }
            footer {
                "Made by receptive " (env!("CARGO_PKG_VERSION")) " of " (self.headline.run)
            }
        };
        document(&title, &body)
    }

    pub(crate) fn missing(&self) -> Vec<MissingSection> {
        let section = |section, reason: &String| MissingSection {
            section,
            reason: reason.clone(),
        };
        let data = self.data.reason().map(|reason| section("Data", reason));
        let sections = self.sections().into_iter();
        let others = sections.filter_map(|part| Some(section(part.heading, &part.body.err()?)));
        data.into_iter().chain(others).collect()
    }

    fn sections(&self) -> Vec<Section> {
        fn part<T>(part: &Part<T>, html: fn(&T) -> Markup) -> Part<Markup> {
            part.as_ref().map(html).map_err(String::clone)
        }
        let section = |id, heading, body| Section { id, heading, body };
        let growth = self.growth.as_ref().map(|growth| {
            section(
                "growth",
                "Field in training",
                part(growth, |part| part.html()),
            )
        });
        let gain = self
            .gain
            .as_ref()
            .map(|gain| section("gain", "Fine-tuning", part(gain, |part| part.html())));
        let first = [
            section("curves", "Training", part(&self.curves, |part| part.html())),
            section(
                "confusion",
                "Confusion",
                part(&self.confusions, |part| part.html()),
            ),
            section(
                "classes",
                "Classes",
                part(&self.classes, |part| part.html()),
            ),
            section(
                "probabilities",
                "Probabilities",
                part(&self.probabilities, |part| part.html()),
            ),
            section(
                "losses",
                "Top losses",
                part(&self.losses, |part| part.html()),
            ),
            section("data", "Data", Ok(self.data.html())),
            section(
                "batch",
                "Augmented batch",
                part(&self.batch, |part| part.html()),
            ),
            section("model", "Network", Ok(self.model.html())),
            section(
                "features",
                "Feature maps",
                part(&self.features, |part| part.html()),
            ),
            section(
                "field",
                "Receptive field",
                part(&self.field, |part| part.html()),
            ),
        ];
        let last = section("settings", "Settings", Ok(self.settings.html()));
        let all = gain.into_iter().chain(first).chain(growth);
        all.chain([last]).collect()
    }
}

impl Section {
    fn html(&self) -> Markup {
        html! {
            section id=(self.id) {
                h2 { (self.heading) }
                @match &self.body {
                    Ok(body) => (body),
                    Err(sentence) => (missing(sentence)),
                }
            }
        }
    }
}
