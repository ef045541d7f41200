//! The examples of `custody.toml`: paths and variables that a row has, and such that it has not.

use super::ExamplesReport;
use crate::table::Custody;

pub(super) fn run(file: &str, custody: &Custody, report: &mut ExamplesReport) {
    for row in custody.hidden.into_iter().chain(custody.read_only) {
        let at = format!("{file}: {}", row.about);
        for example in row.examples {
            report.check(&at, example, (!row.has(example)).then(|| "is not among its paths".to_owned()));
        }
        for other in row.others {
            report.check(&at, other, row.has(other).then(|| "is among its paths".to_owned()));
        }
        let shown =
            |path: &&str| row.examples.iter().any(|example| example.starts_with(path.trim_end_matches('*')));
        for path in row.paths.iter().filter(|path| !shown(path)) {
            report.check(&at, path, Some("no example shows this path".to_owned()));
        }
    }
    for row in custody.removed {
        let at = format!("{file}: {}", row.about);
        for example in row.examples {
            report.check(&at, example, (!row.has(example)).then(|| "is not among its names".to_owned()));
        }
        for other in row.others {
            report.check(&at, other, row.has(other).then(|| "is among its names".to_owned()));
        }
    }
}
