//! Messages of Spark Connect, written by hand: the fields that this client sends or reads.
//!
//! The numbers are those of `spark/connect/{base,relations,commands}.proto` of Spark 4.3. Protobuf
//! skips every field that is not declared here, so rows of a result are never copied. Members of a
//! `oneof` stand as optional fields: on the wire they are the same, and only one is ever set.
//! Optional texts are plain texts, because an empty one is not sent.

use prost::Message;

/// A request, with the method that takes it and the message that answers it.
pub trait Call: Message + 'static {
    type Answer: Message + Default + 'static;
    const PATH: &'static str;
}

macro_rules! calls {
    ($($request:ident => $method:literal => $answer:ident,)+) => {$(
        impl Call for $request {
            type Answer = $answer;
            const PATH: &'static str = concat!("/spark.connect.SparkConnectService/", $method);
        }
    )+};
}

calls! {
    AnalyzePlanRequest => "AnalyzePlan" => AnalyzePlanResponse,
    ConfigRequest => "Config" => ConfigResponse,
    AddArtifactsRequest => "AddArtifacts" => AddArtifactsResponse,
    ExecutePlanRequest => "ExecutePlan" => ExecutePlanResponse,
    ReattachExecuteRequest => "ReattachExecute" => ExecutePlanResponse,
    ReleaseExecuteRequest => "ReleaseExecute" => ReleaseExecuteResponse,
    InterruptRequest => "Interrupt" => InterruptResponse,
    FetchErrorDetailsRequest => "FetchErrorDetails" => FetchErrorDetailsResponse,
    ReleaseSessionRequest => "ReleaseSession" => ReleaseSessionResponse,
}

#[derive(Clone, PartialEq, Message)]
pub struct UserContext {
    #[prost(string, tag = "1")]
    pub user_id: String,
}

/// Asks for the version of Spark. Being the first call, it also creates the session.
#[derive(Clone, PartialEq, Message)]
pub struct AnalyzePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub client_type: String,
    #[prost(message, optional, tag = "10")]
    pub spark_version: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnalyzePlanResponse {
    #[prost(message, optional, tag = "8")]
    pub spark_version: Option<SparkVersion>,
    #[prost(string, tag = "15")]
    pub server_side_session_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct SparkVersion {
    #[prost(string, tag = "1")]
    pub version: String,
}

/// A message whose presence is all that it says.
#[derive(Clone, PartialEq, Message)]
pub struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(message, optional, tag = "3")]
    pub operation: Option<ConfigOperation>,
    #[prost(string, tag = "4")]
    pub client_type: String,
    #[prost(string, tag = "8")]
    pub observed_session: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigOperation {
    #[prost(message, optional, tag = "1")]
    pub set: Option<ConfigSet>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigSet {
    #[prost(message, repeated, tag = "1")]
    pub pairs: Vec<KeyValue>,
}

/// A setting; also an entry of a protobuf map of texts, which has the same two fields.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigResponse {}

#[derive(Clone, PartialEq, Message)]
pub struct AddArtifactsRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(message, optional, tag = "3")]
    pub batch: Option<ArtifactBatch>,
    #[prost(message, optional, tag = "4")]
    pub begin_chunk: Option<BeginArtifact>,
    #[prost(message, optional, tag = "5")]
    pub chunk: Option<ArtifactChunk>,
    #[prost(string, tag = "6")]
    pub client_type: String,
    #[prost(string, tag = "7")]
    pub observed_session: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ArtifactBatch {
    #[prost(message, repeated, tag = "1")]
    pub artifacts: Vec<WholeArtifact>,
}

#[derive(Clone, PartialEq, Message)]
pub struct WholeArtifact {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub data: Option<ArtifactChunk>,
}

#[derive(Clone, PartialEq, Message)]
pub struct BeginArtifact {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, tag = "2")]
    pub total_bytes: i64,
    #[prost(int64, tag = "3")]
    pub num_chunks: i64,
    #[prost(message, optional, tag = "4")]
    pub initial_chunk: Option<ArtifactChunk>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ArtifactChunk {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
    /// CRC-32 of `data`, as `java.util.zip.CRC32` computes it.
    #[prost(int64, tag = "2")]
    pub crc: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddArtifactsResponse {
    #[prost(message, repeated, tag = "1")]
    pub artifacts: Vec<ArtifactSummary>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ArtifactSummary {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bool, tag = "2")]
    pub is_crc_successful: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(message, optional, tag = "3")]
    pub plan: Option<SparkPlan>,
    #[prost(string, tag = "4")]
    pub client_type: String,
    #[prost(message, repeated, tag = "5")]
    pub request_options: Vec<RequestOption>,
    #[prost(string, tag = "6")]
    pub operation_id: String,
    #[prost(string, tag = "8")]
    pub observed_session: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct RequestOption {
    #[prost(message, optional, tag = "1")]
    pub reattach_options: Option<ReattachOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReattachOptions {
    #[prost(bool, tag = "1")]
    pub reattachable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct SparkPlan {
    #[prost(message, optional, tag = "1")]
    pub root: Option<PlanRelation>,
}

#[derive(Clone, PartialEq, Message)]
pub struct PlanRelation {
    #[prost(message, optional, tag = "10")]
    pub sql: Option<Sql>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Sql {
    #[prost(string, tag = "1")]
    pub query: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutePlanResponse {
    #[prost(message, optional, tag = "2")]
    pub arrow_batch: Option<ArrowBatch>,
    #[prost(string, tag = "13")]
    pub response_id: String,
    #[prost(message, optional, tag = "14")]
    pub result_complete: Option<Empty>,
    #[prost(message, optional, tag = "18")]
    pub execution_progress: Option<ExecutionProgress>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ArrowBatch {
    #[prost(int64, tag = "1")]
    pub row_count: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutionProgress {
    #[prost(message, repeated, tag = "1")]
    pub stages: Vec<StageInfo>,
    #[prost(int64, tag = "2")]
    pub num_inflight_tasks: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct StageInfo {
    #[prost(int64, tag = "2")]
    pub num_tasks: i64,
    #[prost(int64, tag = "3")]
    pub num_completed_tasks: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReattachExecuteRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub operation_id: String,
    #[prost(string, tag = "4")]
    pub client_type: String,
    #[prost(string, tag = "5")]
    pub last_response_id: String,
    #[prost(string, tag = "6")]
    pub observed_session: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReleaseExecuteRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub operation_id: String,
    #[prost(string, tag = "4")]
    pub client_type: String,
    #[prost(message, optional, tag = "5")]
    pub release_all: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReleaseExecuteResponse {}

#[derive(Clone, PartialEq, Message)]
pub struct InterruptRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub client_type: String,
    #[prost(int32, tag = "4")]
    pub interrupt_type: i32,
    #[prost(string, tag = "6")]
    pub operation_id: String,
}

impl InterruptRequest {
    /// `INTERRUPT_TYPE_OPERATION_ID`.
    pub const BY_OPERATION: i32 = 3;
}

#[derive(Clone, PartialEq, Message)]
pub struct InterruptResponse {}

#[derive(Clone, PartialEq, Message)]
pub struct FetchErrorDetailsRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub error_id: String,
    #[prost(string, tag = "4")]
    pub client_type: String,
}

/// An exception of the server and its causes, outermost first, whose messages are not shortened.
#[derive(Clone, PartialEq, Message)]
pub struct FetchErrorDetailsResponse {
    #[prost(message, repeated, tag = "2")]
    pub errors: Vec<ServerError>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ServerError {
    #[prost(string, tag = "2")]
    pub message: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReleaseSessionRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, required, tag = "2")]
    pub user_context: UserContext,
    #[prost(string, tag = "3")]
    pub client_type: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReleaseSessionResponse {}

/// `google.rpc.Status`, which travels in the details of a gRPC status.
#[derive(Clone, PartialEq, Message)]
pub struct RichStatus {
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<AnyMessage>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnyMessage {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorInfo {
    #[prost(message, repeated, tag = "3")]
    pub metadata: Vec<KeyValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> UserContext {
        UserContext { user_id: "u".into() }
    }

    /// The bytes were made by the classes of pyspark 4.3.0 (`golden.py`).
    #[test]
    fn requests_have_the_bytes_that_pyspark_writes() {
        let execute = ExecutePlanRequest {
            session_id: "s".into(),
            user_context: context(),
            plan: Some(SparkPlan {
                root: Some(PlanRelation { sql: Some(Sql { query: "SELECT 1".into() }) }),
            }),
            client_type: "c".into(),
            request_options: vec![RequestOption {
                reattach_options: Some(ReattachOptions { reattachable: true }),
            }],
            operation_id: "o".into(),
            observed_session: "v".into(),
        };
        assert_eq!(hex(&execute), golden("execute"));
        let chunk = ArtifactChunk { data: b"abc".to_vec(), crc: 0x3524_41c2 };
        let begin = AddArtifactsRequest {
            session_id: "s".into(),
            user_context: context(),
            begin_chunk: Some(BeginArtifact {
                name: "files/n".into(),
                total_bytes: 70_000,
                num_chunks: 3,
                initial_chunk: Some(chunk),
            }),
            client_type: "c".into(),
            observed_session: "v".into(),
            ..AddArtifactsRequest::default()
        };
        assert_eq!(hex(&begin), golden("begin"));
        let interrupt = InterruptRequest {
            session_id: "s".into(),
            user_context: context(),
            client_type: "c".into(),
            interrupt_type: InterruptRequest::BY_OPERATION,
            operation_id: "o".into(),
        };
        assert_eq!(hex(&interrupt), golden("interrupt"));
    }

    #[test]
    fn responses_of_pyspark_are_read() {
        let bytes = unhex(golden("response"));
        let read = ExecutePlanResponse::decode(bytes.as_slice()).unwrap();
        assert_eq!(read.response_id, "r");
        assert_eq!(read.arrow_batch.unwrap().row_count, 5);
        let bytes = unhex(golden("progress"));
        let read = ExecutePlanResponse::decode(bytes.as_slice()).unwrap().execution_progress.unwrap();
        assert_eq!((read.stages[0].num_tasks, read.stages[0].num_completed_tasks), (40, 7));
        assert_eq!(read.num_inflight_tasks, 2);
    }

    fn golden(name: &str) -> &'static str {
        let line =
            include_str!("golden.txt").lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap()
    }

    fn hex(message: &impl Message) -> String {
        message.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
