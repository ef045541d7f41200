//! No change is foreseen by nobody: every effect of every verb in every form meets a rule where an environment forbids it, and so
//! does a tool that no rule names.

use rwenv_core::classify;
use rwenv_core::decide::quoted;
use rwenv_core::examples::judged;
use rwenv_core::model::{
    Command, Decision, Effect, Grammar, Operation, Reach, Repository, Rwenv, RwenvName, Span, Target, Tool,
    Trait,
};
use rwenv_core::policy::{self, RULES, Subject};

/// An operation as a row of a table has it.
#[derive(Clone, Debug)]
struct Form {
    tool: &'static str,
    verb: String,
    effect: Effect,
    reach: Reach,
    traits: Vec<Trait>,
}

impl Form {
    fn operation(&self) -> Operation {
        Operation {
            tool: self.tool,
            verb: self.verb.clone(),
            effect: self.effect,
            reach: self.reach,
            traits: self.traits.clone(),
            target: Target::default(),
            note: None,
            program: None,
            span: Span::default(),
            cwd: Vec::new(),
        }
    }

    fn has(&self, name: Trait) -> bool {
        self.traits.contains(&name)
    }
}

/// A verb as it stands, and in each of its forms.
fn forms(tool: &'static Tool, command: &'static Command) -> Vec<Form> {
    let reach = command.reach.unwrap_or(tool.reach);
    let base = Form {
        tool: tool.name.as_str(),
        verb: command.path.join(" "),
        effect: command.effect,
        reach,
        traits: command.traits.to_vec(),
    };
    let form = |mode: &'static rwenv_core::model::Mode| Form {
        effect: mode.effect,
        reach: mode.reach.unwrap_or(reach),
        traits: command.traits.iter().chain(mode.traits).copied().collect(),
        ..base.clone()
    };
    let forms = command.modes.iter().map(form);
    std::iter::once(base.clone()).chain(forms).collect()
}

/// Every form of every verb, what is not known of each tool, and a tool that no table has yet with every effect there is.
fn all() -> Vec<Form> {
    let tools = classify::tools();
    let mut out: Vec<Form> = Vec::new();
    for tool in tools.tools {
        out.extend(tool.commands.iter().flat_map(|command| forms(tool, command)));
        out.extend(tool.endpoints.iter().map(|endpoint| Form {
            tool: tool.name.as_str(),
            verb: endpoint.verb.to_string(),
            effect: endpoint.effect,
            reach: endpoint.reach,
            traits: endpoint.traits.to_vec(),
        }));
        out.push(Form {
            tool: tool.name.as_str(),
            verb: String::new(),
            effect: Effect::Unknown,
            reach: tool.reach,
            traits: Vec::new(),
        });
    }
    out.extend(tools.forges.iter().map(|request| Form {
        tool: "http",
        verb: request.verb.to_string(),
        effect: Effect::GitPublish,
        reach: Reach::Repository,
        traits: request.traits.to_vec(),
    }));
    for tool in ["mcp", "a-tool-nobody-has-met"] {
        for (effect, reach) in Effect::ALL.iter().flat_map(|&e| [(e, Reach::Cluster), (e, Reach::Service)]) {
            out.push(Form { tool, verb: "verb".to_owned(), effect, reach, traits: Vec::new() });
        }
    }
    out
}

fn decided(form: &Form, on: Option<Repository>, subject: &Subject) -> Decision {
    let reasons = policy::evaluate(&form.operation(), on, subject, RULES);
    reasons.iter().map(|reason| reason.decision).max().unwrap_or(Decision::Allow)
}

fn subject(change: impl FnOnce(&mut Rwenv)) -> Subject {
    let mut rwenv = Rwenv::named(RwenvName::new("env").unwrap());
    change(&mut rwenv);
    Subject::of(&rwenv)
}

/// Fails with every form that is decided more mildly than it should be.
fn least(what: &str, subject: &Subject, on: Option<Repository>, wanted: impl Fn(&Form) -> Option<Decision>) {
    let mut ran = 0;
    let mut wrong = Vec::new();
    for form in all() {
        let Some(wanted) = wanted(&form) else { continue };
        ran += 1;
        let got = decided(&form, on, subject);
        if got < wanted {
            wrong.push(format!(
                "{} {} ({} {:?} {:?}): {}, should be at least {}",
                form.tool,
                form.verb,
                form.effect.as_str(),
                form.reach,
                form.traits,
                got.as_str(),
                wanted.as_str()
            ));
        }
    }
    assert!(ran > 20, "{what}: only {ran} forms");
    assert!(wrong.is_empty(), "{what}, {} of {ran}:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_remote(form: &Form) -> bool {
    matches!(form.reach, Reach::Cluster | Reach::Service)
}

#[test]
fn nothing_changes_in_a_read_only_environment_because_no_rule_foresaw_it() {
    let read_only = subject(|rwenv| rwenv.read_only = true);
    least("read-only", &read_only, None, |form| match form.effect {
        _ if !is_remote(form) => None,
        // A person may know that nothing follows this image, and that this was no webhook.
        Effect::CloudWrite if form.has(Trait::Image) => Some(Decision::Ask),
        Effect::Reconcile if form.has(Trait::Refresh) || form.has(Trait::Webhook) => Some(Decision::Ask),
        Effect::ClusterWrite
        | Effect::Provision
        | Effect::CloudWrite
        | Effect::DataWrite
        | Effect::Reconcile => Some(Decision::Deny),
        Effect::Exec | Effect::Tunnel | Effect::SessionChange | Effect::ReadSecret | Effect::Unknown => {
            Some(Decision::Ask)
        }
        _ => None,
    });
    // Its Flux repository: neither here nor on the forge.
    least("read-only Flux repository", &read_only, Some(Repository::Flux), |form| match form.effect {
        _ if form.reach != Reach::Repository || form.has(Trait::Talk) => None,
        Effect::GitWrite
            if [Trait::Fetch, Trait::FastForward, Trait::Checkout, Trait::Stages]
                .iter()
                .any(|name| form.has(*name)) =>
        {
            None
        }
        Effect::GitWrite | Effect::GitPublish => Some(Decision::Deny),
        Effect::Unknown => Some(Decision::Ask),
        _ => None,
    });
}

#[test]
fn nothing_goes_around_git_because_no_rule_foresaw_it() {
    let git_ops = subject(|rwenv| rwenv.git_ops_only = true);
    least("GitOps-only", &git_ops, None, |form| match form.effect {
        // Plans look, images are no manifests, and containers of this machine are the developer's.
        _ if !is_remote(form)
            || [Trait::Plan, Trait::Image, Trait::Enters].iter().any(|name| form.has(*name)) =>
        {
            None
        }
        Effect::ClusterWrite if form.has(Trait::Suspend) || form.has(Trait::Transient) => Some(Decision::Ask),
        Effect::ClusterWrite if form.has(Trait::Resume) || form.has(Trait::Kubeconfig) => None,
        Effect::ClusterWrite => Some(Decision::Deny),
        Effect::Provision if form.has(Trait::Destroys) || form.has(Trait::State) => Some(Decision::Deny),
        Effect::Provision | Effect::CloudWrite | Effect::DataWrite => Some(Decision::Ask),
        Effect::Exec | Effect::SessionChange | Effect::ReadSecret | Effect::Unknown => Some(Decision::Ask),
        _ => None,
    });
    // What Git has is applied, and nothing else that a form of the same verb would do.
    for (traits, wanted) in [
        (vec![Trait::Applies, Trait::Tree, Trait::Pushed], Decision::Allow),
        (vec![Trait::Applies, Trait::Tree, Trait::Pushed, Trait::PlanFile], Decision::Allow),
        (vec![Trait::Applies, Trait::Tree, Trait::Unpushed], Decision::Deny),
        (vec![Trait::Applies, Trait::Tree, Trait::Unmerged], Decision::Deny),
        (vec![Trait::Applies, Trait::Pushed, Trait::Partial], Decision::Ask),
        (vec![Trait::Applies, Trait::Pushed, Trait::Destroys], Decision::Deny),
        (vec![Trait::Applies, Trait::Pushed, Trait::Replaces], Decision::Ask),
        (vec![Trait::Applies, Trait::Pushed, Trait::Inputs], Decision::Ask),
        (vec![Trait::Applies, Trait::Generated], Decision::Ask),
    ] {
        let form = Form {
            tool: "a-tool-nobody-has-met",
            verb: "apply".to_owned(),
            effect: Effect::Provision,
            reach: Reach::Service,
            traits,
        };
        assert_eq!(decided(&form, None, &git_ops), wanted, "{form:?}");
    }
}

#[test]
fn machines_are_a_persons_where_autonomy_says_so() {
    for (name, wanted) in [("manual", Decision::Deny), ("prompted", Decision::Ask)] {
        let subject = subject(|rwenv| {
            rwenv.autonomy = if name == "manual" {
                rwenv_core::model::Autonomy::Manual
            } else {
                rwenv_core::model::Autonomy::Prompted
            };
        });
        least(name, &subject, None, |form| (form.effect == Effect::Provision).then_some(wanted));
    }
}

/// A reason that another gives as strictly is said once.
#[test]
fn a_floor_adds_no_words_to_what_a_rule_says() {
    for (line, rwenv, rules) in [
        ("kubectl delete pod p", "read-only", vec!["read-only.cluster-write"]),
        ("kubectl delete deploy web", "gitops-only", vec!["gitops-only.direct-write"]),
        ("kubectl delete pod p", "gitops-only", vec!["gitops-only.transient"]),
        ("docker push registry.example.com/web:1", "read-only", vec!["read-only.image-push"]),
        ("argocd app set web --parameter a=b", "gitops-only", vec!["gitops-only.services"]),
        ("vault kv put secret/a b=c", "read-only", vec!["read-only.services"]),
        ("talosctl -n 10.0.0.2 reboot", "gitops-only", vec!["gitops-only.machines"]),
    ] {
        let verdict = judged(line, rwenv).unwrap();
        let said: Vec<&str> = verdict.reasons().iter().map(|reason| reason.rule.as_str()).collect();
        assert_eq!(said, rules, "{} in {rwenv}", quoted(line));
    }
}

/// A flag that nobody knows may take the next word for its value, or may not: no verb hides behind it.
/// Last words of verbs that change something.
const CHANGES: [&str; 52] = [
    "add",
    "apply",
    "approve",
    "attach",
    "bootstrap",
    "create",
    "del",
    "delete",
    "deploy",
    "destroy",
    "detach",
    "disable",
    "drain",
    "edit",
    "enable",
    "import",
    "install",
    "kill",
    "migrate",
    "patch",
    "pause",
    "promote",
    "prune",
    "publish",
    "purge",
    "push",
    "put",
    "reboot",
    "reject",
    "remove",
    "replace",
    "reset",
    "restart",
    "restore",
    "resume",
    "rm",
    "rollback",
    "rotate",
    "scale",
    "set",
    "start",
    "stop",
    "suspend",
    "sync",
    "terminate",
    "uncordon",
    "uninstall",
    "unset",
    "update",
    "upgrade",
    "wipe",
    "write",
];

/// Verbs that end so and change nothing, each for its reason.
const SOUND_LIKE_CHANGES: [(&str, &str); 17] = [
    ("flux get images update", "names a kind"),
    ("flux export image update", "names a kind"),
    ("velero get restore", "names a kind"),
    ("velero describe restore", "names a kind"),
    ("istioctl proxy-config bootstrap", "names a part of the configuration"),
    ("istioctl experimental workload group create", "prints a manifest"),
    ("linkerd install", "prints manifests"),
    ("linkerd upgrade", "prints manifests"),
    ("linkerd uninstall", "prints manifests"),
    ("linkerd prune", "prints manifests"),
    ("linkerd EXTENSION install", "prints manifests"),
    ("linkerd EXTENSION uninstall", "prints manifests"),
    ("linkerd EXTENSION prune", "prints manifests"),
    ("vault token create", "prints the token, which is its effect"),
    ("deployer token create", "prints the token, which is its effect"),
    ("sops edit", "opens a file of this machine; its effect is what it shows"),
    ("glab check-update", "asks for the newest release"),
];

#[test]
fn a_verb_that_sounds_like_a_change_is_not_marked_as_a_read() {
    let mut wrong = Vec::new();
    for tool in classify::tools().tools {
        for row in tool.commands.iter().filter(|row| !row.group && row.effect <= Effect::ReadSecret) {
            let names = row.path.last().into_iter().chain(row.aliases);
            let sounds = names.filter(|name| CHANGES.contains(*name)).count() > 0;
            let remote = row.reach.unwrap_or(tool.reach) != Reach::Local;
            let verb = row.path.join(" ");
            let of_extension = ["viz", "multicluster", "jaeger"].iter().find_map(|e| verb.strip_prefix(e));
            let known = match of_extension {
                Some(rest) if tool.name.as_str() == "linkerd" => format!("linkerd EXTENSION{rest}"),
                _ => format!("{} {verb}", tool.name.as_str()),
            };
            if sounds && remote && SOUND_LIKE_CHANGES.iter().all(|(one, _)| *one != known) {
                wrong.push(format!("policies/tools: {known} has effect = \"{}\"", row.effect));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these verbs sound like changes. Correct the effect, or add the verb to SOUND_LIKE_CHANGES with a reason:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn a_flag_that_is_in_no_table_hides_no_verb() {
    let allowed = |line: &str| judged(line, "read-only").unwrap().decision() == Decision::Allow;
    let mut ran = 0;
    let mut wrong = Vec::new();
    for tool in
        classify::tools().tools.iter().filter(|tool| matches!(tool.grammar, Grammar::Pflag | Grammar::Goflag))
    {
        let verbs = tool.commands.iter().filter(|c| !c.path.is_empty() && !c.path.contains(&"*"));
        for (command, program) in verbs.flat_map(|c| tool.programs.iter().map(move |program| (c, program))) {
            let verb = command.path.join(" ");
            if allowed(&format!("{program} {verb}")) {
                continue;
            }
            for flag in ["--zz", "--zz=1", "--zz --yy", "--zz 1 --yy"] {
                ran += 1;
                let line = format!("{program} {flag} {verb}");
                if allowed(&line) {
                    wrong.push(line);
                }
            }
        }
    }
    assert!(ran > 1000, "only {ran}");
    assert!(wrong.is_empty(), "{} of {ran} are let through:\n{}", wrong.len(), wrong.join("\n"));
}
