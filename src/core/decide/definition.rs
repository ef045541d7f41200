//! Where what a denied command would change is defined: the file a person, or an agent by pull request, changes instead.

use super::kinds::kind_named;
use super::wanted::proposal;
use super::{Plan, Planned};
use crate::model::{Decision, Operation, Reason, Verdict};

/// Most places that are told of one line.
const MOST_TOLD: usize = 5;

/// An object a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// Its kind, as manifests write it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where the command says.
    pub namespace: Option<String>,
}

/// Where an object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// `file:line`, as a person opens it.
    pub place: String,
    /// What is defined there, where that is another object that makes it.
    pub by: Option<String>,
    /// The file below it that other clusters apply too, where there is one.
    pub shared: Option<SharedDefinition>,
}

/// A file that several clusters apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedDefinition {
    /// `file:line`, as a person opens it.
    pub place: String,
    /// The other clusters.
    pub by: String,
}

/// The object an operation is aimed at, where it names one that Git may define.
fn named(operation: &Operation) -> Option<NamedObject> {
    let name = operation.target.names.first().filter(|name| !name.contains(['…', '/', '*']))?.clone();
    let word = match operation.tool {
        "helm" => "helmrelease".to_owned(),
        "argocd" => "application".to_owned(),
        "flux" => operation.verb.rsplit(' ').next().unwrap_or_default().to_owned(),
        _ => operation.target.kinds.first()?.clone(),
    };
    let kind = kind_named(&word)?.to_owned();
    Some(NamedObject { kind, name, namespace: operation.target.namespace.clone() })
}

/// The verdict with the places that define what is denied added to what to do instead. `look` finds an object in the repository
/// of a rwenv.
pub fn with_definitions(
    verdict: &Verdict,
    plan: &Plan,
    look: impl Fn(&str, &NamedObject) -> Option<Definition>,
) -> Verdict {
    let mut reasons = verdict.reasons().to_vec();
    let mut told: Vec<String> = Vec::new();
    for reason in reasons.iter_mut().filter(|reason| reason.decision > Decision::Allow) {
        let planned = plan.planned.iter().find(|planned| planned.operation.span == reason.span);
        let Some((planned, rwenv)) = planned.zip(reason.rwenv.as_deref()) else { continue };
        let operation = &planned.operation;
        let Some(object) = named(operation) else { continue };
        let text = told_of(&object, operation.verb == "set image", |object| look(rwenv, object));
        if let Some(mut text) = text.filter(|text| told.len() < MOST_TOLD && !told.contains(text)) {
            let is_made = look(rwenv, &object).is_none_or(|definition| definition.by.is_some());
            text.push_str(&proposed(planned, rwenv, reason, is_made));
            reason.instead.push_str(&text);
            told.push(text);
        }
    }
    Verdict::from_reasons(reasons)
}

/// The command that changes the file for this one. Nothing is pushed to a read-only rwenv's repository, so that there it is shown.
fn proposed(planned: &Planned, rwenv: &str, reason: &Reason, is_made: bool) -> String {
    let shown = reason.rule.starts_with("read-only.");
    match proposal(planned, rwenv, shown).filter(|_| !is_made) {
        Some(command) if shown => {
            format!(" For the change as a diff: {command}. A person proposes it without --dry-run.")
        }
        Some(command) => format!(" To propose the change of that file: {command}"),
        None => String::new(),
    }
}

/// The sentence about an object: where its image is set, where that is what would be changed, or where it is defined.
fn told_of(
    object: &NamedObject,
    image: bool,
    look: impl Fn(&NamedObject) -> Option<Definition>,
) -> Option<String> {
    let NamedObject { kind, name, .. } = object;
    let tag = NamedObject { kind: "image-of".to_owned(), name: format!("{kind}/{name}"), ..object.clone() };
    if let Some(definition) = Some(tag).filter(|_| image).and_then(|tag| look(&tag)) {
        return Some(format!(" The image of {kind} {name} is set in {}.", definition.place));
    }
    let Definition { place, by, shared } = look(object)?;
    let mut text = match by {
        None => format!(" {kind} {name} is defined in {place}."),
        Some(by) => format!(" {kind} {name} comes from {by}, which is defined in {place}."),
    };
    if let Some(SharedDefinition { place, by }) = shared {
        text.push_str(&format!(" Do not change {place} for this: {by} apply it too."));
    }
    Some(text)
}
