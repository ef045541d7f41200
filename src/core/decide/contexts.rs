//! Which cluster a context means: the server it leads to, as a person has confirmed it, and what a line does to that before it
//! uses it.

use super::drift::Drifts;
use super::planned::Planned;
use crate::classify;
use crate::model::{
    ClusterIdentity, Context, ContextChange, Dir, Effect, Facts, Invocation, KubeconfigMaker, Operation,
    Question, Reach, Rwenv, Rwenvs, SeenContext, Trait, Word, behind_program, normalize,
};

/// Name of this program's own tool table.
const OWN: &str = "rwenv";
/// Name of the table of programs that rwenv knows little about.
const OTHER: &str = "client";
/// Flags of `kubectl config set-context` that leave the cluster and the user of a context as they are.
const HARMLESS: [&str; 4] = ["--namespace", "-n", "--current", "--kubeconfig"];

/// What the commands of a line do to kubeconfigs, in the order they run: when, in which file where they name one, and what.
#[derive(Clone, Debug, Default)]
pub(super) struct ContextChanges(Vec<(usize, Option<Word>, ContextChange)>);

impl ContextChanges {
    /// Takes the next command into account; `order` is how many the line has run by then.
    pub(super) fn see(&mut self, invocation: &Invocation, operations: &[Operation], order: usize) {
        if let Some(change) = change(invocation, operations) {
            self.0.push((order, kubeconfig(invocation), change));
        }
    }

    /// Takes variables into account of which the line does not say which they are: `$KUBECONFIG` may be one.
    pub(super) fn exported(&mut self, invocation: &Invocation, order: usize) {
        let exports = matches!(invocation.program().and_then(Word::as_literal), Some("export"));
        let named = |word: &Word| word.as_literal().is_some() || word.prefix().contains('=');
        if exports && !invocation.argv.iter().all(named) {
            let by = "export of variables that are named at run time".to_owned();
            self.0.push((order, None, ContextChange::Content(by)));
        }
    }

    /// The contexts that the line makes current.
    pub(super) fn made_current(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(_, _, change)| match change {
            ContextChange::Current(name) => Some(name.as_str()),
            ContextChange::Content(_) => None,
        })
    }

    /// What was done before an operation to the files it uses; what is in them comes before which of it is current.
    fn before(&self, order: usize, uses: impl Fn(&Word) -> bool) -> Option<ContextChange> {
        let earlier = self.0.iter().filter(|(at, file, _)| *at < order && file.as_ref().is_none_or(&uses));
        let mut earlier = earlier.map(|(_, _, change)| change);
        let content = earlier.clone().find(|change| matches!(change, ContextChange::Content(_)));
        content.or_else(|| earlier.next_back()).cloned()
    }
}

/// The kubeconfig that a command names.
fn kubeconfig(invocation: &Invocation) -> Option<Word> {
    let mut words = invocation.argv.iter();
    let named = words.find_map(|word| {
        let rest = word.prefix().strip_prefix("--kubeconfig")?;
        Some(
            rest.strip_prefix('=')
                .map(|path| word.as_literal().map_or_else(Word::unknown, |_| Word::literal(path))),
        )
    });
    match named {
        Some(Some(path)) => Some(path),
        Some(None) => words.next().cloned(),
        None => invocation.assigned("KUBECONFIG").cloned(),
    }
}

/// What one command does to kubeconfigs.
fn change(invocation: &Invocation, operations: &[Operation]) -> Option<ContextChange> {
    let programs = classify::tools().programs;
    let makers = programs.makers.iter().map(|maker| maker.command.as_str());
    let is_called = is_call_of(&invocation.argv);
    let writes = programs.context_writers.iter().copied().chain(makers).find(|entry| is_called(entry));
    if let Some(entry) = writes {
        return Some(ContextChange::Content(entry.to_owned()));
    }
    let operation = operations.iter().find(|o| {
        o.effect == Effect::SessionChange
            && (o.tool == "kubectx" || (o.tool == "kubectl" && switches(&o.verb)))
    })?;
    let verb = operation.verb.as_str();
    let said = format!("{} {verb}", operation.tool).trim_end().to_owned();
    let behind = invocation.argv.iter().skip(1 + verb.split_whitespace().count());
    let behind: Vec<&Word> = behind.collect();
    if verb == "config set-context" && behind.iter().all(|word| harmless(word)) {
        return None;
    }
    match (verb, behind.as_slice()) {
        ("config use-context" | "config use" | "ctx" | "", [name])
            if invocation.program().and_then(Word::basename) != Some("kubens") =>
        {
            let plain = name.as_literal().filter(|name| !name.starts_with('-') && !name.contains('='));
            Some(plain.map_or(ContextChange::Content(said), |name| ContextChange::Current(name.to_owned())))
        }
        ("", _) if invocation.program().and_then(Word::basename) == Some("kubens") => None,
        _ => Some(ContextChange::Content(said)),
    }
}

/// Tells of entries of a table whether this is a call of their words, in their order.
pub(super) fn is_call_of(argv: &[Word]) -> impl Fn(&str) -> bool {
    let program = argv.first().and_then(Word::basename);
    move |entry| {
        let Some(wanted) = program.and_then(|name| behind_program(entry, name)) else { return false };
        let mut words = argv.iter().skip(1).filter_map(Word::as_literal);
        wanted.split_whitespace().all(|wanted| words.any(|word| word == wanted))
    }
}

/// What a command does that writes into a kubeconfig, whatever it does besides: to the one in use, or to a file of its own.
pub(super) fn made(invocation: &Invocation, operations: &mut Vec<Operation>) {
    let switched = |o: &&mut Operation| o.effect == Effect::SessionChange && switches(&o.verb);
    if kubeconfig(invocation).is_some_and(|file| is_own(&file)) {
        for operation in operations.iter_mut().filter(|o| o.tool == "kubectl").filter(switched) {
            operation.traits.retain(|t| *t != Trait::MovesContext);
            (operation.effect, operation.reach) = (Effect::LocalWrite, Reach::Local);
        }
    }
    let programs = classify::tools().programs;
    let is_called = is_call_of(&invocation.argv);
    let Some(maker) = programs.makers.iter().find(|maker| is_called(&maker.command)) else { return };
    if operations.iter().any(|operation| operation.verb == "help") {
        return;
    }
    let own = named_file(maker, invocation).is_some_and(|file| is_own(&file));
    let (effect, reach) =
        if own { (Effect::LocalWrite, Reach::Local) } else { (Effect::SessionChange, Reach::Service) };
    let known = operations.first().map_or((OTHER, ""), |operation| (operation.tool, operation.verb.as_str()));
    let behind = maker.command.strip_prefix(known.0).map_or(maker.command.as_str(), str::trim_start);
    let verb = if known.1.is_empty() { behind } else { known.1 };
    let mut operation = Operation::new(invocation, known.0, verb, effect, reach);
    operation.traits.extend((!own).then_some(Trait::MakesKubeconfig));
    *operations = vec![operation];
}

/// The kubeconfig that a maker is told to write.
fn named_file(maker: &KubeconfigMaker, invocation: &Invocation) -> Option<Word> {
    let words = &invocation.argv;
    let behind = |flag: &str| {
        words.iter().enumerate().find_map(|(at, word)| {
            let text = word.prefix();
            let attached = text.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
            match attached {
                Some(path) if word.as_literal().is_some() => Some(Word::literal(path)),
                Some(_) => Some(Word::unknown()),
                None if text == flag => words.get(at + 1).cloned(),
                None => None,
            }
        })
    };
    let argument = || {
        let last = maker.command.rsplit(' ').next();
        let mut behind = words.iter().skip_while(|word| word.as_literal() != last).skip(1);
        behind.find(|word| !word.prefix().starts_with('-')).cloned()
    };
    let by_flag = maker.files.iter().find_map(|flag| if *flag == "N" { argument() } else { behind(flag) });
    by_flag.or_else(|| kubeconfig(invocation))
}

/// True for a file that is no kubeconfig that others use.
fn is_own(file: &Word) -> bool {
    let usual = |path: &str| path.contains(".kube/") || path.contains(".claude/rwenv/");
    file.as_literal()
        .is_some_and(|path| !path.is_empty() && path != "-" && !path.contains(':') && !usual(path))
}

/// True for the verbs of kubectl that change a kubeconfig.
fn switches(verb: &str) -> bool {
    verb.starts_with("config ") || matches!(verb, "ctx" | "konfig")
}

/// True for a word of `set-context` that changes the namespace, or says which context.
fn harmless(word: &Word) -> bool {
    let text = word.prefix();
    !text.starts_with('-') || HARMLESS.iter().any(|flag| text.split('=').next() == Some(flag))
}

/// What an operation asks about where its context leads; none where its words leave that open, or nothing is changed.
pub(super) fn question(operation: &Operation, home: &str) -> Option<Question> {
    let target = &operation.target.cluster;
    let named = target.context.is_some() || target.kubeconfig.is_some();
    let concerned = match operation.reach {
        Reach::Cluster => operation.effect > Effect::ReadSecret || target.kubeconfig.is_some(),
        Reach::Service => operation.effect > Effect::ReadSecret && named,
        Reach::Local | Reach::Repository => false,
    };
    if !concerned || operation.tool == OWN || target.redirect.is_some() || target.remote.is_some() {
        return None;
    }
    let kubeconfig = match &target.kubeconfig {
        Some(list) => Some(absolute(list.as_literal()?, operation, home)?),
        None => None,
    };
    let context = match &target.context {
        Some(name) => Some(name.as_literal()?.to_owned()),
        None => None,
    };
    Some(Question::Cluster { kubeconfig, context })
}

/// A list of kubeconfigs, each from the root.
fn absolute(list: &str, operation: &Operation, home: &str) -> Option<String> {
    let folder = operation.cwd.first().and_then(Dir::path);
    let full = |path: &str| match path.strip_prefix("~/") {
        Some(rest) => Some(normalize(&format!("{home}/{rest}"))),
        None if path.starts_with('/') => Some(normalize(path)),
        None => folder.map(|folder| normalize(&format!("{folder}/{path}"))),
    };
    let each: Option<Vec<String>> = list.split(':').filter(|path| !path.is_empty()).map(full).collect();
    each.map(|each| each.join(":"))
}

/// Where an operation's context leads, where that is known.
pub(super) fn seen<'f>(
    operation: &Operation,
    current: Option<&str>,
    facts: &'f Facts,
    start: &Context,
) -> Option<&'f SeenContext> {
    let Question::Cluster { kubeconfig, context } = question(operation, &start.home)? else { return None };
    facts.cluster(kubeconfig.as_deref(), context.as_deref().or(current))
}

/// The context that an operation goes by, where the kubeconfig that it names decides that.
pub(super) fn current<'f>(operation: &Operation, facts: &'f Facts, start: &Context) -> Option<&'f str> {
    let list = operation.target.cluster.kubeconfig.as_ref()?.as_literal()?;
    let list = absolute(list, operation, &start.home)?;
    facts.currents.iter().find(|(known, _)| *known == list).map(|(_, context)| context.as_str())
}

/// Whose cluster a context leads to.
pub(super) enum Owners<'r> {
    /// These rwenvs'; none where it is nobody's.
    These(Vec<&'r Rwenv>),
    /// This rwenv has the context by its name, and it leads to another cluster than was confirmed; how.
    Moved(&'r Rwenv, String),
}

/// Whose cluster this context leads to; `named` are the rwenvs that have the context by its name. None
/// where it is not known where it leads.
pub(super) fn owners<'r>(
    named: &[&'r Rwenv],
    seen: Option<&SeenContext>,
    facts: &Facts,
    rwenvs: &'r Rwenvs,
) -> Option<Owners<'r>> {
    let cluster = match seen? {
        SeenContext::NoFile | SeenContext::Missing(_) => return None,
        SeenContext::Guarded(name) => return rwenvs.get(name).map(|rwenv| Owners::These(vec![rwenv])),
        SeenContext::Cluster(cluster) => cluster,
    };
    let (mut pool, sure) = owning(cluster, facts, rwenvs);
    let own: Vec<&Rwenv> = pool.iter().copied().filter(|rwenv| is_in(named, rwenv)).collect();
    let unnoted: Vec<&Rwenv> =
        named.iter().copied().filter(|rwenv| notes(rwenv, facts).next().is_none()).collect();
    if !own.is_empty() && sure {
        pool = own;
        pool.extend(unnoted);
    } else if !unnoted.is_empty() {
        // Nobody has said yet where it should lead: its name counts, as strictly as its server.
        let more: Vec<&Rwenv> = named.iter().copied().filter(|rwenv| !is_in(&pool, rwenv)).collect();
        pool.extend(more);
    }
    Some(match named.first() {
        Some(rwenv) if pool.is_empty() => Owners::Moved(rwenv, moved(rwenv, cluster, facts)),
        _ => Owners::These(pool),
    })
}

/// True where a rwenv is among these.
pub(super) fn is_in(all: &[&Rwenv], rwenv: &Rwenv) -> bool {
    all.iter().any(|known| known.name == rwenv.name)
}

fn notes<'f>(rwenv: &Rwenv, facts: &'f Facts) -> impl Iterator<Item = &'f ClusterIdentity> {
    let name = rwenv.name.to_string();
    facts.noted.iter().filter(move |(of, _)| *of == name).map(|(_, cluster)| cluster)
}

/// The rwenvs whose cluster it is, as it was confirmed; false where it may be another one behind the same server.
fn owning<'r>(cluster: &ClusterIdentity, facts: &Facts, rwenvs: &'r Rwenvs) -> (Vec<&'r Rwenv>, bool) {
    let whose = |is: &dyn Fn(&ClusterIdentity) -> bool| -> Vec<&'r Rwenv> {
        rwenvs.all.iter().filter(|rwenv| notes(rwenv, facts).any(is)).collect()
    };
    let same = whose(&|noted| noted.is_same_cluster(cluster));
    let as_one =
        whose(&|noted| noted.is_same_cluster(cluster) && noted.user.is_some() && noted.user == cluster.user);
    if !as_one.is_empty() {
        return (as_one, true);
    }
    let lasting = cluster.user.as_ref().is_some_and(|user| user.kind.is_lasting());
    let sure = same.len() < 2 || !lasting;
    (same, sure)
}

/// Why a context is no longer what was confirmed.
fn moved(rwenv: &Rwenv, cluster: &ClusterIdentity, facts: &Facts) -> String {
    let before = notes(rwenv, facts).next().map(|noted| noted.server.as_str()).unwrap_or_default();
    if before == cluster.server {
        format!("leads to {before} with another certificate authority than was confirmed")
    } else {
        format!("leads to {}, and {before} was confirmed", cluster.server)
    }
}

/// Notes in an operation what the line does to its context before.
pub(super) fn follow(
    planned: &Planned,
    operation: &mut Operation,
    (changes, drifts): (&ContextChanges, &Drifts),
    (facts, rwenvs): (&Facts, &Rwenvs),
    home: &str,
) {
    if question(operation, home).is_none() {
        return;
    }
    let mut files = vec![format!("{home}/.kube/config")];
    files.extend(facts.kubeconfigs.iter().cloned());
    let places = rwenvs.all.iter().flat_map(|rwenv| &rwenv.places);
    let own = operation.target.cluster.kubeconfig.iter().filter_map(Word::as_literal);
    let lists = places.filter_map(|place| place.kubeconfig_path.as_deref()).chain(own);
    let each = |list: &str| absolute(list, operation, home);
    files.extend(
        lists.filter_map(each).flat_map(|list| list.split(':').map(str::to_owned).collect::<Vec<_>>()),
    );
    let uses = |file: &Word| {
        let list = file.as_literal().and_then(each);
        list.is_none_or(|list| list.split(':').any(|path| files.iter().any(|known| known == path)))
    };
    operation.target.cluster.changed = match changes.before(planned.order, uses) {
        Some(ContextChange::Content(by)) => Some(ContextChange::Content(by)),
        current => drifts.written_before(planned, &files).map(ContextChange::Content).or(current),
    };
}
