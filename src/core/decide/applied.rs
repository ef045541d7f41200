//! What an operation applies: files and folders, plans, Argo CD Applications; and what has to be known of them.

use crate::model::{Effect, Operation, Question, Reach, Trait, Word};

/// Where the file of a plan may lie, each with the directory it is made or applied in.
pub(super) fn plan_files(operation: &Operation) -> Vec<(String, String)> {
    let Some(word) = operation.target.plan.as_ref().filter(|word| word.as_literal().is_some()) else {
        return Vec::new();
    };
    let places = operation.cwd.iter().filter_map(|dir| Some((dir.enter(word), dir.path()?.to_owned())));
    places.filter_map(|(file, dir)| Some((file.path()?.to_owned(), dir))).collect()
}

/// The files and folders an operation applies, or means to when its plan is applied, where it matters whether Git has them.
pub(super) fn applied(operation: &Operation) -> Vec<String> {
    let applies = operation.effect == Effect::Provision && operation.traits.contains(&Trait::Applies);
    if operation.reach != Reach::Service || !(applies || operation.target.plan.is_some()) {
        return Vec::new();
    }
    let tree = operation.cwd.iter().filter(|_| applies && operation.traits.contains(&Trait::Tree));
    let tree = tree.filter_map(|dir| dir.path().map(str::to_owned));
    let files: Vec<Word> = (operation.target.files.iter())
        .filter_map(|word| word.as_literal())
        .map(|text| Word::literal(text.trim_start_matches('@')))
        .collect();
    let places = operation.cwd.iter().flat_map(|dir| files.iter().map(|file| dir.enter(file)));
    tree.chain(places.filter_map(|dir| dir.path().map(str::to_owned))).collect()
}

/// What has to be known of what an operation applies.
pub(super) fn questions(operation: &Operation) -> Vec<Question> {
    let mut all: Vec<Question> = applied(operation).into_iter().map(Question::Pushed).collect();
    if operation.traits.contains(&Trait::PlanFile) {
        all.extend(plan_files(operation).into_iter().map(|(file, dir)| Question::Plan { file, dir }));
    }
    all.extend(applications(operation).into_iter().map(Question::Application));
    all
}

/// The files that kubectl would apply by themselves, of which it matters whether they make an Argo CD Application known to the
/// cluster.
pub(super) fn applications(operation: &Operation) -> Vec<String> {
    let applies = operation.tool == "kubectl" && matches!(operation.verb.as_str(), "apply" | "create");
    if !applies || operation.effect != Effect::ClusterWrite || !operation.traits.contains(&Trait::Plain) {
        return Vec::new();
    }
    let files = operation.target.files.iter();
    let all: Option<Vec<String>> = files
        .flat_map(|file| {
            operation
                .cwd
                .iter()
                .map(move |dir| file.as_literal().and(dir.enter(file).path().map(str::to_owned)))
        })
        .collect();
    all.unwrap_or_default()
}
