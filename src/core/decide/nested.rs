//! Text that a program hands to a shell: what it runs, told from where it is called.

use crate::classify::{self, Carried};
use crate::model::{Context, Invocation, Word};
use crate::shell::{self, Source};

pub(super) fn analyze_carried(
    text: &str,
    arguments: Vec<Word>,
    by: &Invocation,
    (context, files): (&Context, &[(String, String)]),
) -> shell::Analysis {
    shell::analyze_source(&Source {
        text,
        context: context.clone(),
        cwd: by.cwd.clone(),
        arguments: Some(arguments),
        env: by.env.clone(),
        stdin: by.stdin.clone(),
        files,
        typed: false,
        echoes_escapes: by
            .program()
            .and_then(Word::basename)
            .is_some_and(|shell| classify::tools().programs.escaping_shells.contains(&shell)),
    })
}

/// True where everything a carried text runs does nothing but look.
pub(super) fn only_looks(carried: &Carried) -> bool {
    let Carried::Shell { text, arguments, by, .. } = carried else { return false };
    let analysis = analyze_carried(text, arguments.clone(), by, (&Context::default(), &[]));
    let harmless = |i: &Invocation| classify::only_looks(i, classify::tools());
    analysis.opaque.is_empty()
        && !analysis.invocations.is_empty()
        && analysis.invocations.iter().all(harmless)
}
