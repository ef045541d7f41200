//! `rwenv propose`: the change of the Flux repository that stands for a command of kubectl's.

use anyhow::bail;
use clap::Args;

use super::deploy::DeploymentArgs;
use super::permit;
use super::shared::directory;
use rwenv_core::classify::is_restart;
use rwenv_core::decide::{self, Plan, quoted};
use rwenv_core::model::{WantedObject, Word};
use rwenv_flux::deploy::DeploymentWish;
use rwenv_gate::base::clock;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::facts::{self, config};
use rwenv_gate::judge::Permit;

#[derive(Debug, Args)]
pub(super) struct Propose {
    #[command(flatten)]
    how: DeploymentArgs,
    /// Command of kubectl: scale, set image, set env, annotate, label, patch or rollout restart
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn propose(args: &Propose, environment: &Environment) -> anyhow::Result<u8> {
    args.how.cluster.named(environment)?;
    permit::under(environment, |permit| run(args, permit, environment))
}

/// The push is judged by itself.
fn run(args: &Propose, permit: Permit, environment: &Environment) -> anyhow::Result<u8> {
    let line = match args.command.as_slice() {
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    let dir = directory(None);
    let plan = decide::plan(&line, &facts::context(dir.to_str(), environment));
    let object = match decide::wanted(&plan) {
        Ok(object) => timed(object),
        Err(why) => bail!(
            "'{line}' is not a change that rwenv can make in the Flux repository: {why}. rwenv where KIND/NAME shows the file"
        ),
    };
    let session = match owner(&plan, environment)? {
        Some(rwenv) => args.how.open_in(&rwenv, permit, environment)?,
        None => args.how.open(permit, environment)?,
    };
    let wish = DeploymentWish { objects: vec![object], ..DeploymentWish::default() };
    args.how.told(session.begun(&wish)?)
}

/// A restart sets the time of now.
fn timed(mut object: WantedObject) -> WantedObject {
    for field in object.fields.iter_mut().filter(|field| is_restart(field)) {
        field.value = clock::rfc3339(std::time::Duration::from_secs(clock::now().as_secs()));
    }
    object
}

/// The rwenv of the context that the command names.
fn owner(plan: &Plan, environment: &Environment) -> anyhow::Result<Option<String>> {
    let named = plan.planned.iter().find_map(|planned| planned.operation.target.cluster.context.as_ref());
    let Some(context) = named.and_then(Word::as_literal) else { return Ok(None) };
    let rwenvs = config::load(&environment.config_dir)?.rwenvs;
    match rwenvs.all.iter().find(|rwenv| rwenv.has_context(context)) {
        Some(rwenv) => Ok(Some(rwenv.name.to_string())),
        None => bail!("context '{}' belongs to no rwenv; rwenv list shows them", context.escape_debug()),
    }
}
