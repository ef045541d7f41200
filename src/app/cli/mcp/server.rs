//! The server: it lists the tools, and has calls answered beside the protocol, a few at a time.

use std::sync::Arc;

use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use tokio::sync::Semaphore;

use super::tools::{self, OfferedTool};
use rwenv_gate::base::environment::Environment;

/// Calls that are answered at one time; others wait.
const AT_ONCE: usize = 4;
/// What a model is told of the server as a whole.
const INSTRUCTIONS: &str = "Knowledge of GitOps environments (rwenvs), and verdicts on commands. Everything here only looks. \
    Clusters are changed through their Flux repository: where finds the file to change, impact and flux_diff show what a change does, \
    propose_deployment shows the change for a new image or value. Before you run a command in a cluster, check says whether it is allowed.";

/// Serves the tools to one client.
#[derive(Debug)]
pub(super) struct ToolServer {
    tools: Arc<[OfferedTool]>,
    environment: Arc<Environment>,
    room: Semaphore,
}

impl ToolServer {
    pub(super) fn new(environment: &Environment) -> Self {
        Self {
            tools: tools::all().into(),
            environment: Arc::new(environment.clone()),
            room: Semaphore::new(AT_ONCE),
        }
    }

    /// Answers a call of the tool with this number.
    async fn answer(&self, number: usize, request: CallToolRequestParams) -> CallToolResult {
        let Ok(_room) = self.room.acquire().await else {
            return failed("the server ends");
        };
        let (tools, environment) = (Arc::clone(&self.tools), Arc::clone(&self.environment));
        let given = request.arguments.unwrap_or_default();
        let called = move || tools.get(number).map(|tool| tool.call(given, &environment));
        match tokio::task::spawn_blocking(called).await {
            Ok(Some(Ok(told))) => CallToolResult::structured(told),
            Ok(Some(Err(error))) => failed(&format!("{error:#}")),
            Ok(None) => failed("there is no such tool"),
            Err(_) => failed("rwenv failed while it answered; its standard error says where"),
        }
    }
}

/// The model reads why: an error of the protocol is for programs.
fn failed(why: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.trim_end())])
}

impl ServerHandler for ToolServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let own = Implementation::new("rwenv", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(own).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.iter().map(|offered| offered.tool.clone()).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(number) = self.tools.iter().position(|offered| offered.tool.name == request.name) else {
            let why = format!("there is no tool '{}'", request.name.escape_debug());
            return Err(ErrorData::invalid_params(why, None));
        };
        tokio::select! {
            told = self.answer(number, request) => Ok(told.into()),
            () = context.ct.cancelled() => Ok(failed("the call was cancelled").into()),
        }
    }
}
