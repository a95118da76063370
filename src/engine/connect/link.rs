//! Link: one HTTP/2 connection to a Spark Connect server, and the gRPC calls on it.

use std::marker::PhantomData;
use std::time::Duration;

use futures_util::Stream;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status, Streaming};

use super::address::Address;
use super::error::{ConnectError, not_opened, unreachable};
use super::messages::{AddArtifactsRequest, Call};

/// A connection, TLS included, that is not up by then will not come up.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// A call that does nothing heavy is answered by then, or its link is dead.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Probes of the kernel. HTTP/2 pings would be answered with "too many pings": Spark's server
/// allows one in five minutes, the default of gRPC for Java.
const TCP_PROBE: Duration = Duration::from_mins(1);
/// As the server's own limit (`spark.connect.grpc.maxInboundMessageSize`); one Arrow batch may have
/// 4 MiB.
const LONGEST_MESSAGE: usize = 128 << 20;
/// A failed call carries its message and details in headers; Spark shortens the message to 2 KiB.
const LONGEST_HEADERS: u32 = 1 << 20;

#[derive(Clone)]
pub(crate) struct Link {
    endpoint: Endpoint,
    channel: Channel,
    bearer: Option<AsciiMetadataValue>,
}

impl Link {
    /// Prepares a link; the first call connects.
    pub(crate) fn new(address: &Address) -> Result<Self, ConnectError> {
        let scheme = if address.is_tls() { "https" } else { "http" };
        let uri = format!("{scheme}://{}:{}", address.host(), address.port());
        let broken = |error: tonic::transport::Error| unreachable(address, &error);
        let mut endpoint = Endpoint::from_shared(uri)
            .map_err(broken)?
            .connect_timeout(CONNECT_WITHIN)
            .tcp_keepalive(Some(TCP_PROBE))
            .tcp_nodelay(true)
            .http2_max_header_list_size(LONGEST_HEADERS);
        if address.is_tls() {
            // An IPv6 address stands in brackets in a URI, but not in a certificate.
            let name = address.host().trim_matches(['[', ']']);
            let tls = ClientTlsConfig::new().with_native_roots().domain_name(name).timeout(CONNECT_WITHIN);
            endpoint = endpoint.tls_config(tls).map_err(broken)?;
        }
        let bearer = address.token().map(|token| {
            let text = format!("Bearer {}", token.reveal());
            AsciiMetadataValue::try_from(text).map(|mut bearer| {
                // Not in logs of HTTP/2 frames, and not in its table of repeated headers.
                bearer.set_sensitive(true);
                bearer
            })
        });
        // Addresses with other letters are refused when they are parsed.
        let bearer = bearer.transpose().map_err(|error| unreachable(address, &error))?;
        Ok(Self { channel: endpoint.connect_lazy(), endpoint, bearer })
    }

    /// Gives the connection up. The next call makes a new one.
    ///
    /// A connection whose far end is gone without a word looks healthy for up to 15 minutes, and
    /// every call on it would wait.
    pub(crate) fn renew(&mut self) {
        self.channel = self.endpoint.connect_lazy();
    }

    /// Makes the first call on a link, and explains why it failed.
    pub(crate) async fn first<C: Call>(
        &self,
        address: &Address,
        message: C,
    ) -> Result<C::Answer, ConnectError> {
        match tokio::time::timeout(ANSWER_WITHIN, self.unary(message)).await {
            Ok(answer) => answer.map_err(|status| not_opened(address, &status)),
            Err(_) => Err(super::error::silent(address)),
        }
    }

    /// Makes a call that may be made twice, up to four times as long as only the link fails.
    pub(crate) async fn patiently<C: Call + Clone>(&mut self, message: &C) -> Result<C::Answer, Status> {
        let mut pause = Duration::from_millis(500);
        let mut left = 3;
        loop {
            let status = match tokio::time::timeout(ANSWER_WITHIN, self.unary(message.clone())).await {
                Ok(Err(status)) if super::error::is_cut(&status) => status,
                Ok(answer) => return answer,
                Err(_) => Status::unavailable("no answer in time"),
            };
            if left == 0 {
                return Err(status);
            }
            left -= 1;
            self.renew();
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// Makes a call with one answer.
    pub(crate) async fn unary<C: Call>(&self, message: C) -> Result<C::Answer, Status> {
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static(C::PATH);
        Ok(grpc.unary(self.request(message), path, Protobuf::new()).await?.into_inner())
    }

    /// Makes a call with a stream of answers.
    pub(crate) async fn stream<C: Call>(&self, message: C) -> Result<Streaming<C::Answer>, Status> {
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static(C::PATH);
        Ok(grpc.server_streaming(self.request(message), path, Protobuf::new()).await?.into_inner())
    }

    /// Sends a stream of artifacts. A part is taken from the stream when the link has room for it.
    pub(crate) async fn upload(
        &self,
        parts: impl Stream<Item = AddArtifactsRequest> + Send + 'static,
    ) -> Result<<AddArtifactsRequest as Call>::Answer, Status> {
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static(AddArtifactsRequest::PATH);
        Ok(grpc.client_streaming(self.request(parts), path, Protobuf::new()).await?.into_inner())
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(LONGEST_MESSAGE);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(bearer) = &self.bearer {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        request
    }
}

/// Protobuf as the codec of a call that sends `Q` and receives `A`.
struct Protobuf<Q, A>(PhantomData<(Q, A)>);

impl<Q, A> Protobuf<Q, A> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message + 'static, A: Message + Default + 'static> Codec for Protobuf<Q, A> {
    type Encode = Q;
    type Decode = A;
    type Encoder = Half<Q>;
    type Decoder = Half<A>;

    fn encoder(&mut self) -> Half<Q> {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Half<A> {
        Half(PhantomData)
    }
}

struct Half<T>(PhantomData<T>);

impl<Q: Message> Encoder for Half<Q> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, message: Q, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(to).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<A: Message + Default> Decoder for Half<A> {
    type Item = A;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<A>, Status> {
        A::decode(from).map(Some).map_err(|error| Status::internal(format!("an unreadable message: {error}")))
    }
}
