//! Measures the matching on labelled questions, and chooses thresholds by that measure.
//!
//! Pure: reading the files and printing the report is left to `cli::eval`.

mod calibrate;
mod questions;
mod report;

pub use calibrate::calibrate;
pub use questions::{AskedQuestion, LabelledQuestion, QuestionFault, ask_all, parse_labelled};
pub use report::{Confusion, Measures, Report};

#[cfg(test)]
mod tests {
    use super::{questions::NO_STYLE, *};
    use crate::{
        knowledge::{EntryId, Thresholds},
        matching::{
            decision::{DEFAULT_THRESHOLDS, Evidence, decide},
            finding::{Candidate, Finding, Outcome},
            matcher::{Matcher, test_base},
        },
    };

    fn asked(
        expected: &[&str],
        style: &str,
        outcome: Outcome,
        found: &[&str],
        best: f32,
    ) -> AskedQuestion {
        let id = |id: &&str| id.parse::<EntryId>().expect("an id");
        let candidates = found
            .iter()
            .map(|found| Candidate {
                entry: id(found),
                score: best,
            })
            .collect();
        AskedQuestion {
            labelled: LabelledQuestion {
                question: "q".into(),
                expected: expected.iter().map(id).collect(),
                style: style.into(),
            },
            finding: Finding {
                outcome,
                candidates,
                language: None,
                traditional: false,
            },
            evidence: Evidence {
                best,
                score: 12.0,
                declines: outcome == Outcome::Decline,
                runner_up: 0.0,
                coverage: 1.0,
                tokens: 5,
            },
        }
    }

    #[test]
    fn labelled_questions_are_read_with_or_without_a_style() {
        let text = "question\texpected\tstyle\nhow\tunbind|lost\tplain\n\n怎么👍\tnone\n";
        let read = parse_labelled(text, &test_base()).expect("well-formed");
        assert_eq!(
            (read[0].expected.len(), read[0].style.as_str()),
            (2, "plain")
        );
        assert_eq!(
            (read[1].expected.len(), read[1].style.as_str()),
            (0, NO_STYLE)
        );
        assert_eq!(
            parse_labelled("question\texpected\nhow\tlost\n", &test_base()).map(|read| read.len()),
            Ok(1)
        );
    }

    #[test]
    fn every_unusable_line_is_named() {
        let text = "question\texpected\nhow\nhow\tnowhere\n\tunbind\nhow\tUPPER\nfine\tlost\n";
        let faults = parse_labelled(text, &test_base()).expect_err("four faults");
        assert_eq!(
            faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
            [2, 3, 4, 5]
        );
        assert!(
            faults[1].to_string().contains("`nowhere` is no entry"),
            "{}",
            faults[1]
        );
        for text in ["", "how\tunbind\n", "expected\tquestion\n", "👍"] {
            assert_eq!(
                parse_labelled(text, &test_base()).expect_err(text)[0].line,
                1
            );
        }
    }

    #[test]
    fn a_report_counts_what_each_outcome_is_worth() {
        let report = Report::new(&[
            asked(&["unbind"], "plain", Outcome::Answer, &["unbind"], 0.9),
            asked(&["unbind"], "plain", Outcome::Answer, &["lost"], 0.9),
            asked(
                &["unbind"],
                "typo",
                Outcome::Suggest,
                &["lost", "unbind"],
                0.4,
            ),
            asked(&["lost"], "typo", Outcome::None, &["lost"], 0.1),
            asked(&[], "near", Outcome::Answer, &["lost"], 0.8),
            asked(&[], "near", Outcome::Decline, &["lost"], 0.8),
            asked(&[], "far", Outcome::None, &[], 0.0),
        ]);
        let expected = Measures {
            questions: 7,
            in_scope: 4,
            right_first: 2,
            right_among_three: 3,
            useful: 2,
            confident: 2,
            confident_right: 1,
            confidently_wrong: 2,
            near: 2,
            near_refused: 1,
            far: 1,
            far_refused: 1,
        };
        assert_eq!(report.total, expected);
        assert_eq!(report.styles["typo"].in_scope, 2);
        assert_eq!(report.confusions[0].count, 2);
        assert!(
            report
                .to_string()
                .contains("confidently wrong, of all           28.6  (2 of 7)"),
            "{report}"
        );
        assert!(
            serde_json::to_string(&report).is_ok_and(|json| json.contains("\"right_first\":2"))
        );
    }

    #[test]
    fn nothing_asked_is_an_empty_report() {
        let report = Report::new(&[]);
        assert_eq!(
            (report.total, report.scope_auroc),
            (Measures::default(), None)
        );
        assert!(!report.to_string().contains("NaN"));
    }

    #[test]
    fn scope_is_told_apart_by_confidence() {
        let sure = asked(&["unbind"], "", Outcome::Answer, &["unbind"], 0.9);
        let unsure = asked(&[], "", Outcome::None, &["unbind"], 0.1);
        assert_eq!(
            Report::new(&[sure.clone(), unsure.clone()]).scope_auroc,
            Some(1.0)
        );
        let tie = asked(&[], "", Outcome::Answer, &["unbind"], 0.9);
        assert_eq!(Report::new(&[sure, tie, unsure]).scope_auroc, Some(0.75));
    }

    #[test]
    fn calibration_puts_the_threshold_between_right_and_wrong() {
        let mut all: Vec<AskedQuestion> = (0..10)
            .map(|_| asked(&["unbind"], "", Outcome::Answer, &["unbind"], 0.95))
            .collect();
        all.extend(
            (0..10).map(|_| asked(&["unbind"], "", Outcome::Answer, &["lost", "unbind"], 0.5)),
        );
        let thresholds = calibrate(&all);
        assert_eq!(decide(all[0].evidence, thresholds).outcome, Outcome::Answer);
        assert_eq!(
            decide(all[19].evidence, thresholds).outcome,
            Outcome::Suggest
        );
        assert_eq!(
            calibrate(&[]),
            Thresholds {
                answer: 0.25,
                suggest: 0.05,
                margin: 0.0
            }
        );
        assert_ne!(DEFAULT_THRESHOLDS, thresholds);
    }

    #[test]
    fn a_small_base_answers_its_own_phrasings() {
        let knowledge = test_base();
        let text = "question\texpected\nunbind my card\tunbind\nphone stolen\tlost\n";
        let questions = parse_labelled(text, &knowledge).expect("well-formed");
        assert_eq!(
            Report::new(&ask_all(&Matcher::new(&knowledge), &questions))
                .total
                .right_first,
            2
        );
    }
}
