//! The tools: a name, what is taken and answered, and which command of this program answers.

use std::fmt;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::given::{
    ChangeGiven, CommandLine, DeploymentGiven, DiffGiven, EventsGiven, FolderGiven, GuideGiven, LineGiven,
    NoArguments, ObjectsGiven, ServiceGiven, ServicesGiven, StatusGiven,
};
use super::schema;
use super::told::{EventsTold, GuideTold, RwenvsTold, ServicesTold, StatusTold};
use crate::cli::args::{Cli, CliCommand};
use crate::cli::flux::FluxReading;
use crate::cli::{check, deploy, envs, flux, impact, knowledge, permit};
use rwenv_core::model::Word;
use rwenv_gate::base::environment::Environment;
use rwenv_gate::judge::Permit;

/// This door's name in the log.
const DOOR: &str = "mcp";

type ToolAnswer = Box<dyn Fn(JsonObject, &Environment) -> anyhow::Result<Value> + Send + Sync>;

/// A tool, and what answers when it is called.
pub(super) struct OfferedTool {
    pub(super) tool: Tool,
    answer: ToolAnswer,
}

impl fmt::Debug for OfferedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OfferedTool").field(&self.tool.name).finish()
    }
}

impl OfferedTool {
    /// Answers a call, under the verdict on the command line that it stands for.
    pub(super) fn call(&self, given: JsonObject, environment: &Environment) -> anyhow::Result<Value> {
        (self.answer)(given, environment)
    }
}

/// How a tool is described.
struct Description {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    /// It may contact a cluster or a Git server.
    far: bool,
}

/// A tool that stands for a command line, whose answer `answer` gives.
fn offered<G, T>(
    description: Description,
    answer: fn(CliCommand, Permit, &Environment) -> anyhow::Result<T>,
) -> OfferedTool
where
    G: CommandLine + DeserializeOwned + JsonSchema + 'static,
    T: Serialize + JsonSchema + 'static,
{
    let Description { name, title, about, far } = description;
    let hints = ToolAnnotations::with_title(title).read_only(true).destructive(false);
    let tool = Tool::new(name, about, schema::of_input::<G>())
        .with_title(title)
        .with_raw_output_schema(schema::of_output::<T>().into())
        .with_annotations(hints.idempotent(true).open_world(far));
    let answer = move |given: JsonObject, environment: &Environment| {
        let given: G = serde_json::from_value(Value::Object(given)).context("the arguments do not fit")?;
        let argv = given.argv().0;
        let command = Cli::try_parse_from(&argv).map_err(|error| anyhow::anyhow!("{error}"))?.command;
        let words: Vec<Word> = argv.into_iter().map(Word::literal).collect();
        let permit = permit::unasked(DOOR, &words, environment).map_err(anyhow::Error::msg)?;
        Ok(serde_json::to_value(answer(command, permit, environment)?)?)
    };
    OfferedTool { tool, answer: Box::new(answer) }
}

/// A command line is of another command than its tool stands for; this is our own mistake.
fn other<T>() -> anyhow::Result<T> {
    bail!("this tool stands for another command")
}

/// All tools.
pub(super) fn all() -> Vec<OfferedTool> {
    let mut all = of_configuration();
    all.extend(of_repositories());
    all.extend(of_clusters());
    all.extend(of_changes());
    all
}

fn of_configuration() -> Vec<OfferedTool> {
    let list = offered::<NoArguments, _>(
        Description {
            name: "environments",
            title: "Environments",
            about: "List the configured environments (rwenvs): cluster, Flux repository, whether it is read-only, and which is selected.",
            far: false,
        },
        |command, _, environment| match command {
            CliCommand::List(_) => Ok(RwenvsTold { rwenvs: envs::listed(environment)? }),
            _ => other(),
        },
    );
    let current = offered::<FolderGiven, _>(
        Description {
            name: "current_environment",
            title: "Current environment",
            about: "Show the environment (rwenv) that is selected for a directory, and what selects it.",
            far: false,
        },
        |command, _, environment| match command {
            CliCommand::Cur(args) => envs::current(&args, environment),
            _ => other(),
        },
    );
    let check = offered::<LineGiven, _>(
        Description {
            name: "check",
            title: "Check a command",
            about: "Show what would be decided about a command line (allow, ask or deny), part by part, with what to do instead. Nothing is run.",
            far: false,
        },
        |command, _, environment| match command {
            CliCommand::Check(args) => Ok(check::explained(&args, environment)),
            _ => other(),
        },
    );
    vec![list, current, check]
}

fn of_repositories() -> Vec<OfferedTool> {
    let services = offered::<ServicesGiven, _>(
        Description {
            name: "services",
            title: "Services",
            about: "List the services of an environment: namespace, folder in the Flux repository, HelmRelease or Kustomization.",
            far: true,
        },
        |command, _, environment| match command {
            CliCommand::Services(args) => knowledge::catalog(&args, environment),
            _ => other(),
        },
    );
    let service = offered::<ServiceGiven, _>(
        Description {
            name: "service",
            title: "One service",
            about: "Show all that is known of a service: image, what applies it, and the file and line that define it.",
            far: true,
        },
        |command, _, environment| match command {
            CliCommand::Services(args) => {
                Ok(ServicesTold { services: knowledge::details(&args, environment)? })
            }
            _ => other(),
        },
    );
    let find = offered::<ObjectsGiven, _>(
        Description {
            name: "where",
            title: "Where an object is defined",
            about: "Show the file and line of the Flux repository that define an object.",
            far: true,
        },
        |command, _, environment| match command {
            CliCommand::Where(args) => knowledge::found(&args, environment),
            _ => other(),
        },
    );
    let guide = offered::<GuideGiven, _>(
        Description {
            name: "guide",
            title: "Infrastructure guide",
            about: "Show one topic of the infrastructure guide: services, Flux objects, where secrets come from, ConfigMaps, variables, dependencies, images, findings.",
            far: true,
        },
        |command, _, environment| match command {
            CliCommand::Guide(args) => Ok(GuideTold { guide: knowledge::part(&args, environment)? }),
            _ => other(),
        },
    );
    vec![services, service, find, guide]
}

fn of_clusters() -> Vec<OfferedTool> {
    fn look(command: CliCommand, permit: &Permit, environment: &Environment) -> anyhow::Result<FluxReading> {
        match command {
            CliCommand::Flux(args) => flux::look(&args, permit, environment),
            _ => other(),
        }
    }
    let status = offered::<StatusGiven, _>(
        Description {
            name: "flux_status",
            title: "Flux status",
            about: "Show the status of Flux objects in the cluster of an environment: ready, suspended, revision, message.",
            far: true,
        },
        |command, permit, environment| match look(command, &permit, environment)? {
            FluxReading::Status(rows) => Ok(StatusTold::of(rows)),
            _ => other(),
        },
    );
    let events = offered::<EventsGiven, _>(
        Description {
            name: "flux_events",
            title: "Flux events",
            about: "Show the events of Flux objects in the cluster of an environment, oldest first.",
            far: true,
        },
        |command, permit, environment| match look(command, &permit, environment)? {
            FluxReading::Events(events) => Ok(EventsTold { events }),
            _ => other(),
        },
    );
    let diff = offered::<DiffGiven, _>(
        Description {
            name: "flux_diff",
            title: "Flux diff",
            about: "Show what a Kustomization would change in the cluster: render it from the clone, a commit or a pull request, and compare by a server-side dry run.",
            far: true,
        },
        |command, permit, environment| match look(command, &permit, environment)? {
            FluxReading::Diff(compared) => Ok(compared),
            _ => other(),
        },
    );
    vec![status, events, diff]
}

fn of_changes() -> Vec<OfferedTool> {
    let radius = offered::<ChangeGiven, _>(
        Description {
            name: "impact",
            title: "What a change reaches",
            about: "Show what a change of a Flux repository would change in clusters, object by object: of the working tree, the index, a range of commits or a pull request.",
            far: true,
        },
        |command, _, environment| match command {
            CliCommand::Impact(args) => impact::radius(&args, environment),
            _ => other(),
        },
    );
    let proposal = offered::<DeploymentGiven, _>(
        Description {
            name: "propose_deployment",
            title: "Propose a deployment",
            about: "Show the change of files that would deploy a new image tag or values of a service. Nothing is changed; rwenv deploy makes the change.",
            far: true,
        },
        |command, permit, environment| match command {
            CliCommand::Deploy(args) => deploy::proposed(&args, permit, environment),
            _ => other(),
        },
    );
    vec![radius, proposal]
}
