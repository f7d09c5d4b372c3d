//! Parses `LOG`. The parser of tracing takes any word for the name of a module and then logs nothing of the rest, so that a
//! typo would hide even that the store was damaged; here a word must be a level or a known module.

use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// Crates whose log can be filtered.
const CRATES: [&str; 14] = [
    OURS,
    "axum",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "reqwest",
    "rustls",
    "sled",
    "teloxide",
    "teloxide_core",
    "tokio",
    "tower",
    "tower_http",
];
const OURS: &str = "unbind_bot";
/// The modules of this crate.
const MODULES: [&str; 15] = [
    "panics",
    "text_file",
    "markup",
    "knowledge",
    "matching",
    "dialogue",
    "store",
    "metrics",
    "server",
    "assistant",
    "telegram",
    "terminal",
    "health",
    "config",
    "cli",
];
/// The level of what no part of a filter names: errors are always worth a line.
const REST: &str = "error";

/// # Errors
/// The fault and the repair.
pub(super) fn parse(text: &str) -> Result<EnvFilter, String> {
    let mut has_level = false;
    let mut directives = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let level = read_level(part);
        has_level |= level.is_some();
        directives.push(match level {
            Some(level) => level.to_owned(),
            None => read_directive(part)?,
        });
    }
    if !has_level {
        directives.insert(0, REST.to_owned());
    }
    EnvFilter::try_new(directives.join(","))
        .map_err(|error| format!("{error}; write `info`, or a filter like `info,unbind_bot=debug`"))
}

/// A level in any case; also the name that other programs have for `warn`.
fn read_level(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    if word == "warning" {
        return Some("warn");
    }
    LEVELS.into_iter().find(|level| *level == word)
}

/// `module=level`, or with a span `module[span{field=value}]=level`.
fn read_directive(part: &str) -> Result<String, String> {
    let (subject, level) = match part.rsplit_once('=') {
        Some((subject, level)) if !level.contains([']', '}']) => (subject.trim(), Some(level)),
        _ => (part, None),
    };
    let level = level
        .map(|level| read_level(level.trim()).ok_or_else(|| no_level(level.trim())))
        .transpose()?;
    let (module, span) = match subject.find('[') {
        Some(at) => subject.split_at(at),
        None => (subject, ""),
    };
    if span.is_empty() && level.is_none() {
        return Err(no_level(part));
    }
    let module = module.replace('-', "_");
    if !(is_known(&module) || module.is_empty() && !span.is_empty()) {
        return Err(format!(
            "`{module}` is no module that logs; this program's are like `{OURS}` and `{OURS}::telegram`, as in `info,{OURS}::telegram=debug`"
        ));
    }
    Ok(match level {
        Some(level) => format!("{module}{span}={level}"),
        None => format!("{module}{span}"),
    })
}

fn no_level(word: &str) -> String {
    let levels = LEVELS.map(|level| format!("`{level}`")).join(", ");
    format!("`{word}` is no level; write one of {levels}, or a filter like `info,{OURS}=debug`")
}

fn is_known(module: &str) -> bool {
    let mut path = module.split("::");
    let first = path.next().unwrap_or_default();
    CRATES.contains(&first)
        && (first != OURS || path.next().is_none_or(|second| MODULES.contains(&second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_they_are_meant() {
        for (text, means) in [
            ("info", "info"),
            ("INFO", "info"),
            ("warning", "warn"),
            ("off", "off"),
            (" info , unbind_bot = Debug, ", "unbind_bot=debug,info"),
            (
                "warn,unbind-bot::telegram=trace",
                "unbind_bot::telegram=trace,warn",
            ),
            (
                "debug,hyper=warn,hyper_util=off",
                "hyper_util=off,hyper=warn,debug",
            ),
            // Without a level for the rest, errors are logged.
            ("unbind_bot::store=debug", "unbind_bot::store=debug,error"),
            ("info,[handled]=debug", "[handled]=debug,info"),
        ] {
            let filter = parse(text).expect(text).to_string();
            let sorted = |text: &str| {
                let mut parts: Vec<_> = text.split(',').map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert_eq!(sorted(&filter), sorted(means), "{text}");
        }
    }

    #[test]
    fn what_would_silently_log_nothing_is_a_fault_that_names_the_levels_or_modules() {
        for word in [
            "verbose",
            "0",
            "1",
            "all",
            "true",
            "inf",
            "information",
            "info debug",
            "info;debug",
        ] {
            for text in [
                word.to_owned(),
                format!("unbind_bot={word}"),
                format!("info,{word}"),
            ] {
                let fault = parse(&text).expect_err(&text);
                assert!(
                    fault.contains("`debug`") && fault.contains("no level"),
                    "{fault}"
                );
            }
        }
        for text in [
            "unbind_bot",
            "info,telegram",
            "unbind_bot=",
            "debug=unbind_bot",
        ] {
            assert!(
                parse(text).expect_err(text).contains("is no level"),
                "{text}"
            );
        }
        for text in [
            "unbindbot=debug",
            "info,telegram=debug",
            "unbind_bot::telegrm=debug",
            "=debug",
        ] {
            let fault = parse(text).expect_err(text);
            assert!(fault.contains("`unbind_bot`"), "{fault}");
        }
    }

    #[test]
    fn the_modules_are_those_of_the_crate() {
        let root = include_str!("../lib.rs");
        let modules = root
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod "));
        let modules: Vec<_> = modules.map(|name| name.trim_end_matches(';')).collect();
        assert_eq!(modules, MODULES);
    }
}
