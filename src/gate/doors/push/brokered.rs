//! Pushes that come out of a confined session: their objects wait in a mirror of the broker's, and nothing else of them is believed.

use std::path::Path;

use super::{OBJECTS, PushFate, PushReport, Sender, TIME, is_zero, lines, weighed};
use crate::base::environment::Environment;
use crate::facts::objects::{Budget, ObjectRepository};
use crate::facts::{self, content};
use crate::judge::{Permit, Person};
use crate::ledger::accepted::SearchedPlace;
use rwenv_core::decide::text::escape_and_cut;

/// What a person can do about a question that comes out of a session.
const OUTSIDE: &str = "The git broker can ask nobody: a person pushes this outside of the session.";

/// A push of a session.
#[derive(Clone, Copy, Debug)]
pub struct BrokeredPush<'a> {
    /// The mirror, with the objects that wait.
    pub repository: &'a ObjectRepository,
    /// Where the mirror is.
    pub mirror: &'a Path,
    /// The URL that it is pushed to.
    pub url: &'a str,
    /// The updates, as git gives them to a pre-push hook.
    pub stdin: &'a str,
    /// What the remote has.
    pub known: &'a [String],
    /// The session.
    pub session: &'a str,
}

/// Judges it outside of the session, in the name of the environment's rwenv; gives with the permit what is to be told of it.
///
/// # Errors
/// Why it is not sent.
pub fn judge(push: BrokeredPush<'_>, environment: &Environment) -> Result<(Permit, String), String> {
    let lines = lines(push.stdin)?;
    let tips: Vec<String> = lines.iter().map(|line| line.tip.clone()).filter(|tip| !is_zero(tip)).collect();
    let repository = push.repository.clone().within(Budget::of(OBJECTS, TIME));
    // It follows every object that is sent: one that is missing is told here.
    let elsewhere = if tips.is_empty() {
        Vec::new()
    } else {
        content::large_files(&repository, &tips, push.known)
            .map_err(|why| format!("rwenv: this push is not sent: what it sends cannot be read: {why}\n"))?
    };
    if let Some(path) = elsewhere.first() {
        let path = escape_and_cut(path, 200);
        return Err(format!(
            "rwenv: this push is not sent: the content of {path} is kept by Git LFS, which the git broker does not send\n\
             rwenv:   instead: a person pushes it outside of the session\n"
        ));
    }
    let context = facts::context(push.mirror.to_str(), environment);
    let sender = Sender {
        door: "broker",
        session: Some(push.session),
        repository: repository.within(Budget::of(OBJECTS, TIME)),
        person: false,
        // A granted line, or one that was asked about, is one in a folder, and a session could claim any.
        lifts: &|_| None,
        decided: false,
        decides: &|_, _| false,
        answer: &|| Person::Nobody(OUTSIDE),
        otherwise: OUTSIDE,
        place: &|| SearchedPlace::of_remote(push.url),
        known: Some(push.known),
    };
    match weighed((push.url, push.url), &lines, &sender, &context, environment)? {
        PushReport { fate: PushFate::Permitted(permit), text } => Ok((permit, text)),
        PushReport { text, .. } => Err(text),
    }
}
