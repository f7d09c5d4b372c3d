//! Turns one file's text into a draft. Pure: the tests are strings.
//!
//! Opening files and decoding them (byte order marks, carriage returns) is left to `load`, the faults that show only between files to `check`.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{
    drafts::{ArticleDraft, GuideDraft, Lined, ScreenDraft, StepDraft, VariantDraft},
    entry::{EntryId, Language},
    fault::{Fault, line_of},
    guide::{CardKind, PhoneSystem},
};
use crate::markup::RichText;

/// `<id>.<language>.guide.toml` as TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuideToml {
    name: Spanned<String>,
    order: Spanned<u32>,
    #[serde(default)]
    icon: String,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    systems: Option<Spanned<Vec<PhoneSystem>>>,
    kinds: Option<Spanned<Vec<CardKind>>>,
    #[serde(default)]
    step: Vec<StepToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepToml {
    id: Spanned<String>,
    title: Spanned<String>,
    text: Spanned<String>,
    #[serde(default)]
    variant: Vec<VariantToml>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantToml {
    system: Option<Spanned<PhoneSystem>>,
    kind: Option<Spanned<CardKind>>,
    title: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
}

/// The TOML between the `+++` lines of `<id>.<language>.md`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: Spanned<String>,
    button: Option<Spanned<String>>,
    #[serde(default)]
    questions: Vec<Spanned<String>>,
    #[serde(default)]
    related: Vec<Spanned<String>>,
    #[serde(default)]
    guide: bool,
    #[serde(default)]
    decline: bool,
}

/// Splits `<id>.<language>`.
///
/// # Errors
/// Which part is wrong, with the repair.
pub fn parse_entry_name(path: &Path, stem: &str) -> Result<(EntryId, Language), Fault> {
    let Some((id, language)) = stem.rsplit_once('.') else {
        return Err(Fault::in_file(
            path,
            "the file name has no language",
            "name it `<id>.<language>.md`, like `unbind-steps.en.md`",
        ));
    };
    let id = id
        .parse()
        .map_err(|fault| Fault::in_file(path, fault, "rename the file"))?;
    let language = language
        .parse()
        .map_err(|fault| Fault::in_file(path, fault, "rename the file"))?;
    Ok((id, language))
}

/// Reads an entry's file: TOML front matter between `+++` lines, then Markdown.
///
/// # Errors
/// All faults of this file, each with its line.
pub fn parse_article(
    path: &Path,
    (id, language): (EntryId, Language),
    text: &str,
) -> Result<ArticleDraft, Vec<Fault>> {
    let parts = split_front_matter(text)
        .map_err(|(line, fault, repair)| vec![Fault::at(path, line, fault, repair)])?;
    let front: FrontMatter =
        parse_toml(path, parts.front, parts.front_line).map_err(|fault| vec![fault])?;
    let body = parse_markdown(path, parts.body, parts.body_line)?;
    let lined = |spanned: Spanned<String>| with_line(parts.front, parts.front_line, spanned);
    Ok(ArticleDraft {
        path: path.to_owned(),
        id,
        language,
        title: lined(front.title),
        button: front.button.map(lined),
        questions: front.questions.into_iter().map(lined).collect(),
        related: front.related.into_iter().map(lined).collect(),
        guide: front.guide,
        decline: front.decline,
        body,
    })
}

/// Reads a wallet's guide: TOML, with Markdown in its texts.
///
/// # Errors
/// All faults of this file, each with its line.
pub fn parse_guide(
    path: &Path,
    (id, language): (EntryId, Language),
    text: &str,
) -> Result<GuideDraft, Vec<Fault>> {
    let guide: GuideToml = parse_toml(path, text, 1).map_err(|fault| vec![fault])?;
    let parser = GuideParser { path, text };
    Ok(GuideDraft {
        path: path.to_owned(),
        id,
        language,
        steps: all_or_faults(guide.step.into_iter().map(|step| parser.parse_step(step)))?,
        name: with_line(text, 1, guide.name),
        order: parser.locate(guide.order),
        icon: guide.icon,
        aliases: (guide.aliases.into_iter())
            .map(|alias| with_line(text, 1, alias))
            .collect(),
        systems: parser.locate_list(guide.systems),
        kinds: parser.locate_list(guide.kinds),
    })
}

/// Turns the parts of one guide file into drafts with their lines.
struct GuideParser<'a> {
    path: &'a Path,
    text: &'a str,
}

impl GuideParser<'_> {
    fn parse_step(&self, step: StepToml) -> Result<StepDraft, Vec<Fault>> {
        let id = with_line(self.text, 1, step.id);
        let known = id.value.parse().map_err(|fault| {
            let repair = "use the id of a step";
            vec![Fault::at(self.path, id.line, fault, repair)]
        })?;
        let text = ScreenDraft {
            title: with_line(self.text, 1, step.title),
            body: self.parse_body(step.text)?,
        };
        let variants = step
            .variant
            .into_iter()
            .map(|variant| self.parse_variant(variant, &text));
        Ok(StepDraft {
            variants: all_or_faults(variants)?,
            id: Lined {
                value: known,
                line: id.line,
            },
            text,
        })
    }

    fn parse_variant(
        &self,
        variant: VariantToml,
        common: &ScreenDraft,
    ) -> Result<VariantDraft, Vec<Fault>> {
        let title = variant.title.map(|title| with_line(self.text, 1, title));
        let body = variant.text.map(|text| self.parse_body(text)).transpose()?;
        Ok(VariantDraft {
            system: variant.system.map(|system| self.locate(system)),
            kind: variant.kind.map(|kind| self.locate(kind)),
            text: ScreenDraft {
                title: title.unwrap_or_else(|| common.title.clone()),
                body: body.unwrap_or_else(|| common.body.clone()),
            },
        })
    }

    fn parse_body(&self, written: Spanned<String>) -> Result<Lined<RichText>, Vec<Fault>> {
        let (span, body) = (written.span(), written.into_inner());
        let quoted = self.text.get(span.clone()).unwrap_or_default();
        // TOML drops the line break after three opening quotes, so that the text begins a line below them.
        let after_quotes = quoted.trim_start_matches(['"', '\'']);
        let below = usize::from(after_quotes.starts_with(['\n', '\r']));
        let blank = body.len() - body.trim_start().len();
        let line = line_of(self.text, 1, &span) + below + body[..blank].matches('\n').count();
        let value = parse_markdown(self.path, body.trim(), line)?;
        Ok(Lined { value, line })
    }

    fn locate<T>(&self, spanned: Spanned<T>) -> Lined<T> {
        Lined {
            line: line_of(self.text, 1, &spanned.span()),
            value: spanned.into_inner(),
        }
    }

    fn locate_list<T>(&self, spanned: Option<Spanned<Vec<T>>>) -> Lined<Vec<T>> {
        let none = Lined {
            value: Vec::new(),
            line: 1,
        };
        spanned.map_or(none, |list| self.locate(list))
    }
}

/// All values, or all faults.
fn all_or_faults<T>(
    results: impl Iterator<Item = Result<T, Vec<Fault>>>,
) -> Result<Vec<T>, Vec<Fault>> {
    let mut values = Vec::new();
    let mut faults = Vec::new();
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

/// Reads a list of phrasings, one a line; blank lines are skipped.
pub fn parse_phrasings(text: &str) -> Vec<Lined<String>> {
    let numbered = text.lines().enumerate();
    numbered
        .map(|(index, line)| Lined {
            value: line.trim().to_owned(),
            line: index + 1,
        })
        .filter(|phrase| !phrase.value.is_empty())
        .collect()
}

/// Reads a data file (group, vocabulary, thresholds) that is TOML as a whole.
///
/// # Errors
/// What the TOML parser says, with the line.
pub fn parse_data<T: for<'de> Deserialize<'de>>(path: &Path, text: &str) -> Result<T, Fault> {
    parse_toml(path, text, 1)
}

/// Reads Markdown that begins on `first_line` of the file.
///
/// # Errors
/// Every construct that a chat cannot show.
pub fn parse_markdown(path: &Path, text: &str, first_line: usize) -> Result<RichText, Vec<Fault>> {
    RichText::from_markdown(text.trim_end()).map_err(|faults| {
        let located = |fault: crate::markup::MarkdownFault| {
            Fault::at(
                path,
                first_line + fault.line - 1,
                "broken Markdown",
                fault.fault,
            )
        };
        faults.into_iter().map(located).collect()
    })
}

fn with_line(text: &str, first_line: usize, spanned: Spanned<String>) -> Lined<String> {
    Lined {
        line: line_of(text, first_line, &spanned.span()),
        value: spanned.into_inner().trim().to_owned(),
    }
}

/// An article file, split at the `+++` lines.
struct Parts<'a> {
    front: &'a str,
    front_line: usize,
    body: &'a str,
    body_line: usize,
}

fn split_front_matter(text: &str) -> Result<Parts<'_>, (usize, &'static str, &'static str)> {
    const NO_OPENING: (usize, &str, &str) = (
        1,
        "the front matter is missing",
        "begin the file with a line `+++`, then `title = \"…\"`",
    );
    let (first, rest) = text.split_once('\n').ok_or(NO_OPENING)?;
    if first.trim_end() != "+++" {
        return Err(NO_OPENING);
    }
    let mut offset = 0;
    for (index, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "+++" {
            let body = &rest[offset + line.len()..];
            let blank = body.len() - body.trim_start_matches(['\n', '\r']).len();
            let body_line = index + 3 + body[..blank].matches('\n').count();
            return Ok(Parts {
                front: &rest[..offset],
                front_line: 2,
                body: &body[blank..],
                body_line,
            });
        }
        offset += line.len();
    }
    Err((
        1,
        "the front matter is not closed",
        "put a line `+++` between the front matter and the text",
    ))
}

fn parse_toml<T: for<'de> Deserialize<'de>>(
    path: &Path,
    text: &str,
    first_line: usize,
) -> Result<T, Fault> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(first_line, |span| line_of(text, first_line, &span));
        Fault::at(
            path,
            line,
            error.message().trim().replace('\n', "; "),
            "correct the TOML on this line",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ArticleDraft, Vec<Fault>> {
        let path = Path::new("faq/x.en.md");
        parse_article(
            path,
            parse_entry_name(path, "x.en").expect("a good name"),
            text,
        )
    }

    #[test]
    fn an_entry_is_front_matter_then_markdown() {
        let draft = read("+++\ntitle = \"T\"\nquestions = [\n\"怎么解绑\",\n\"how 👍\"]\nrelated = [\"y\"]\n+++\n\nThe **body**.\n").expect("well-formed");
        assert_eq!((draft.title.value.as_str(), draft.title.line), ("T", 2));
        assert_eq!(
            draft.questions[1],
            Lined {
                value: "how 👍".into(),
                line: 5
            }
        );
        assert_eq!(draft.body.to_plain(), "The body.");
    }

    #[test]
    fn every_fault_names_its_line() {
        for (text, line, says) in [
            ("", 1, "front matter is missing"),
            ("title = 1", 1, "front matter is missing"),
            ("+++\ntitle = \"T\"\n", 1, "not closed"),
            ("+++\ntitle = \"T\"\nquestions = [\"a\"\n+++\n", 3, ""),
            ("+++\nquestions = []\n+++\n", 2, "title"),
            ("+++\ntitle = \"T\"\nanswer = \"x\"\n+++\n", 3, "answer"),
            (
                "+++\ntitle = \"T\"\n+++\nfine\n\n# no\n",
                6,
                "broken Markdown",
            ),
        ] {
            let faults = read(text).expect_err(text);
            assert!(
                faults[0].to_string().contains(says),
                "{text:?}: {}",
                faults[0]
            );
            assert_eq!(faults[0].line, Some(line), "{text:?}: {}", faults[0]);
        }
    }

    #[test]
    fn phrasings_keep_their_lines_and_lose_blank_ones() {
        let read = parse_phrasings("解绑\n\n  how do i  \n");
        assert_eq!(
            read,
            [
                Lined {
                    value: "解绑".into(),
                    line: 1
                },
                Lined {
                    value: "how do i".into(),
                    line: 3
                }
            ]
        );
        assert!(parse_phrasings("").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "(\\+\\+\\+\n)?(title = \"[^\"]{0,9}\"\n)?(questions = \\[\"\\PC{0,9}\"\\]\n)?(\\+\\+\\+\n)?(\\PC|\n|[*_`\\[\\]()<>#&;\"\\\\-]){0,60}") {
            let _ = read(&text);
            let name = parse_entry_name(Path::new("x.en.guide.toml"), "x.en").expect("a good name");
            let _ = parse_guide(Path::new("x.en.guide.toml"), name, &text);
            let _ = parse_phrasings(&text);
        }
    }
}
