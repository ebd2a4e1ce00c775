//! The student as two tools of the Model Context Protocol, over standard input and output.
//!
//! Few arguments, and defaults on our side: a model that calls tools does not know our knobs. What cannot be done is
//! answered as a tool error, whose text the calling model sees and can act on; protocol errors are left for what no
//! model can mend.

mod arguments;
mod explain;
mod readable;
mod rerank;
mod shapes;

use std::sync::Arc;

use reason_to_rank::student::LoadedStudent;
use reason_to_rank::types::stage::StageError;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::transport::io::stdio_pipes;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Calls that are worked on at once: a second one goes on while a large one is at work, and memory stays bounded.
const CALLS_AT_ONCE: usize = 2;

const INSTRUCTIONS: &str = "\
Reranks documents by how well they answer a query, on this machine's CPU, and says why. \
Use `rerank` when you have more candidate documents than you want to read: it returns the best ones in order with \
calibrated scores (probability of relevance). Use `explain` to see why one document does or does not answer a query: \
the reason, the sentence that carries it, and the score without that sentence.";

/// Why the tools are not served any longer.
#[derive(Debug, Error)]
pub enum McpFailure {
    /// No client spoke.
    #[error("no MCP client began to speak: {0}; r2r mcp is started by a client, which writes to its standard input")]
    Handshake(#[source] Box<ServerInitializeError>),
    /// The task that serves the connection broke.
    #[error("the connection broke: {0}")]
    Connection(#[from] tokio::task::JoinError),
    /// The threads could not be started.
    #[error("the threads of the server could not be started: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Serves the tools to the client on standard input and output, until it closes its end.
pub fn serve_stdio(student: LoadedStudent) -> Result<(), McpFailure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let served = runtime.block_on(async {
        let service = StudentTools::new(student).serve(stdio_pipes()).await;
        let service = service.map_err(|error| McpFailure::Handshake(Box::new(error)))?;
        service.waiting().await?;
        Ok::<(), McpFailure>(())
    });
    // Nobody reads what a call still at work would answer.
    runtime.shutdown_background();
    served
}

/// A student behind the tools `rerank` and `explain`.
#[derive(Clone)]
pub struct StudentTools {
    student: Arc<LoadedStudent>,
    turns: Arc<Semaphore>,
}

impl StudentTools {
    /// Makes a student callable.
    pub fn new(student: LoadedStudent) -> Self {
        Self { student: Arc::new(student), turns: Arc::new(Semaphore::new(CALLS_AT_ONCE)) }
    }
}

/// How a tool answers.
#[derive(Debug)]
struct Answer {
    /// For programs, in the tool's output schema.
    structured: serde_json::Value,
    /// For readers.
    text: String,
}

/// Why a call is not answered: for the model that called.
#[derive(Debug, Error)]
enum Refusal {
    /// The arguments are wrong; the text says how they would be right.
    #[error("{0}")]
    Arguments(String),
    /// The student failed.
    #[error("the student failed on this input: {0}")]
    Student(#[from] StageError),
    /// The answer cannot be written as JSON.
    #[error("the answer cannot be written: {0}")]
    Answer(#[from] serde_json::Error),
}

/// A tool, ready to be called with its arguments.
type Call = fn(&LoadedStudent, &JsonObject) -> Result<Answer, Refusal>;

/// The tools with what they do.
fn tools() -> [(Tool, Call); 2] {
    [(rerank::tool(), rerank::call), (explain::tool(), explain::call)]
}

impl ServerHandler for StudentTools {
    fn get_info(&self) -> ServerConfig {
        let implementation = Implementation::new("reason-to-rank", env!("CARGO_PKG_VERSION"))
            .with_title("Reason-to-Rank")
            .with_description("A small reranker that says why");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools().into_iter().map(|(tool, _)| tool).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools().into_iter().map(|(tool, _)| tool).find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some((_, call)) = tools().into_iter().find(|(tool, _)| tool.name == request.name) else {
            let message = format!("there is no tool {}; the tools are rerank and explain", request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let turn = tokio::select! {
            turn = Arc::clone(&self.turns).acquire_owned() => turn.ok(),
            () = context.ct.cancelled() => None,
        };
        let Some(turn) = turn else {
            return Err(ErrorData::internal_error("the call was cancelled before its turn came", None));
        };
        let student = Arc::clone(&self.student);
        let arguments = request.arguments.unwrap_or_default();
        let answered = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            call(&student, &arguments)
        });
        match answered.await {
            Ok(answered) => {
                if let Err(refusal) = &answered {
                    tracing::warn!(tool = %request.name, %refusal, "a call was not answered");
                }
                Ok(result_of(answered).into())
            }
            Err(panic) => {
                tracing::error!(tool = %request.name, %panic, "a call failed inside");
                Err(ErrorData::internal_error(
                    "the call failed inside, which is a bug of r2r; see its standard error",
                    None,
                ))
            }
        }
    }
}

/// What goes back to the client: for programs and readers, or what is wrong.
fn result_of(answered: Result<Answer, Refusal>) -> CallToolResult {
    match answered {
        Ok(answer) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(answer.text)]);
            result.structured_content = Some(answer.structured);
            result
        }
        Err(refusal) => CallToolResult::error(vec![ContentBlock::text(refusal.to_string())]),
    }
}
