//! `rwenv rollout`: the image that a pull request's pipeline has built, deployed under the tag that pipeline gives it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;

use super::deploy::DeploymentArgs;
use super::{out, permit};
use rwenv_flux::deploy::DeploymentWish;
use rwenv_gate::base::environment::{self, Environment};
use rwenv_gate::base::process;
use rwenv_gate::base::program;
use rwenv_gate::judge::Permit;

/// Longest that git and gh are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Digits of a commit in a tag.
const DIGITS: usize = 7;

#[derive(Debug, Args)]
pub(super) struct Rollout {
    /// Services [default: the service named like this repository]
    services: Vec<String>,
    /// Number of the pull request [default: the one of this branch, according to gh]
    #[arg(long, value_name = "NUMBER", help_heading = "The image")]
    pr: Option<u64>,
    /// Full image tag, instead of pr-<number>-<commit>
    #[arg(long, value_name = "TAG", conflicts_with = "pr", help_heading = "The image")]
    tag: Option<String>,
    /// Image to change, when the service has several
    #[arg(long, value_name = "NAME", help_heading = "The image")]
    image: Option<String>,
    #[command(flatten)]
    how: DeploymentArgs,
}

/// What gh says of a pull request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequestView {
    number: u64,
    head_ref_oid: String,
}

pub(super) fn rollout(args: &Rollout, environment: &Environment) -> anyhow::Result<u8> {
    args.how.cluster.named(environment)?;
    permit::under(environment, |permit| run(args, permit, environment))
}

/// The pushes it makes are judged one by one.
fn run(args: &Rollout, permit: Permit, environment: &Environment) -> anyhow::Result<u8> {
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => built(args.pr, environment)?,
    };
    let services =
        if args.services.is_empty() { vec![repository(environment)?] } else { args.services.clone() };
    out::note(&format!("image tag {tag}"));
    let session = args.how.open(permit, environment)?;
    for service in services {
        let wish = DeploymentWish {
            service,
            image: args.image.clone(),
            tag: Some(tag.clone()),
            ..DeploymentWish::default()
        };
        let status = args.how.told(session.begun(&wish)?)?;
        if status != 0 {
            return Ok(status);
        }
    }
    Ok(0)
}

/// The tag that a pipeline gives to what it builds of a pull request: `pr-<number>-<first seven digits of the commit>`.
fn built(pr: Option<u64>, environment: &Environment) -> anyhow::Result<String> {
    let head = said("git", &["rev-parse", "--verify", "HEAD"], environment)
        .context("this is not a git repository with a commit; use --tag")?;
    let short = head.get(..DIGITS).context("git gave no commit")?;
    if let Some(number) = pr {
        // Nobody builds what was never pushed.
        let pushed =
            said("git", &["for-each-ref", "--count=1", "--contains", "HEAD", "refs/remotes"], environment)?;
        if pushed.is_empty() {
            bail!(
                "HEAD here ({short}) is in no branch of the remote, so that no pipeline can have built it; push it first (git fetch, where somebody else has), or use --tag"
            );
        }
        return Ok(format!("pr-{number}-{short}"));
    }
    let view = said("gh", &["pr", "view", "--json", "number,headRefOid"], environment)
        .context("the pull request of this branch could not be determined; use --pr NUMBER, or --tag TAG")?;
    let PullRequestView { number, head_ref_oid } =
        serde_json::from_str(&view).context("gh printed something that is not a pull request")?;
    if head_ref_oid != head {
        let theirs = head_ref_oid.get(..DIGITS).unwrap_or_default();
        bail!(
            "pull request {number} is at {theirs}, but HEAD here is {short}, which has no image yet; push it first, or use --tag"
        );
    }
    Ok(format!("pr-{number}-{short}"))
}

/// The name of the repository here, by its remote.
fn repository(environment: &Environment) -> anyhow::Result<String> {
    let url =
        said("git", &["config", "--get", "remote.origin.url"], environment).context("say which service")?;
    let name = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    Ok(name.strip_suffix(".git").unwrap_or(name).to_owned())
}

fn said(name: &str, arguments: &[&str], environment: &Environment) -> anyhow::Result<String> {
    let program = program::find(name, environment).with_context(|| format!("{name} is not on PATH"))?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(environment::current_dir());
    command.env("GH_PROMPT_DISABLED", "1").env("NO_COLOR", "1");
    let printed = process::printed(name, &mut command, b"", PATIENCE).map_err(anyhow::Error::msg)?;
    Ok(printed.trim().to_owned())
}
