//! One request, until the head of its answer is there.

use super::fault;
use super::sessions::Room;
use super::upload::Upload;
use crate::http::upgrade::WEBSOCKET;
use crate::http::{Body, Fault, FaultKind, INTERIM_MAX, Outgoing, is_status};
use h2::RecvStream;
use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, HOST, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

/// The protocol of a tunnel.
const TUNNELLED: &str = "websocket";

/// An answer, and what it came by.
#[derive(Debug)]
pub struct Answered {
    /// Its head, and the stream its body comes on.
    pub response: Response<RecvStream>,
    /// The request's method.
    pub method: Method,
    /// What of the request is still to go out.
    pub upload: Upload,
    /// The place on its connection.
    pub room: Room,
    /// The key of the handshake, where the request asked for a WebSocket.
    pub key: Option<HeaderValue>,
}

/// Sends a request and waits for its answer, whose body comes as it is read.
///
/// # Errors
/// [`FaultKind::Stale`] when the other side did nothing with it.
pub async fn exchange(mut room: Room, mut request: Outgoing, secure: bool, host: &HeaderValue) -> Result<Answered, Fault> {
    let (method, early) = (request.method.clone(), request.early.take());
    let key = if request.headers.get(UPGRADE) == Some(&WEBSOCKET) { request.headers.remove(SEC_WEBSOCKET_KEY) } else { None };
    let (mut request, body) = outgoing(request, secure, host)?;
    if key.is_some() {
        if !room.place.send.is_extended_connect_protocol_enabled() {
            return Err(Fault::new(FaultKind::NoTunnel, "its settings do not enable CONNECT with a protocol"));
        }
        // What it is over HTTP/2 (RFC 8441 §5).
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from_static(TUNNELLED));
    }
    let ends = key.is_none() && body.is_end_stream();
    // Room was found by asking whether the connection takes requests, so all that can be wrong by now is that it has ended.
    let sent = room.place.send.send_request(request, ends);
    let (response, stream) = sent.map_err(|error| if error.is_remote() || error.is_io() { gone(&error) } else { fault(&error) })?;
    let mut upload = Upload::new(body, stream, ends);
    let mut response = pin!(response);
    let mut interims = 0;
    let response = poll_fn(|cx| {
        // An answer may come before all was sent; what a tunnel sends comes after it.
        if key.is_none()
            && let Poll::Ready(Err(fault)) = upload.poll(cx)
        {
            return Poll::Ready(Err(fault));
        }
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            interims += 1;
            if interims > INTERIM_MAX {
                return Poll::Ready(Err(Fault::new(FaultKind::BadResponse, "too many interim responses")));
            }
            match (interim.status(), &early) {
                // HTTP/2 has no such thing (RFC 9113 §8.6), and a client of HTTP/1.1 would switch.
                (StatusCode::SWITCHING_PROTOCOLS, _) => {
                    return Poll::Ready(Err(Fault::new(FaultKind::BadResponse, "it switches protocols, for which nobody asked")));
                }
                (StatusCode::CONTINUE, _) | (_, None) => {}
                (status, Some(early)) => early.push(status, interim.headers()),
            }
        }
        Pin::new(&mut *response).poll(cx).map(|answered| answered.map_err(|error| fault(&error)))
    })
    .await?;
    if !is_status(response.status()) {
        return Err(Fault::new(FaultKind::BadResponse, "its status is none of HTTP"));
    }
    Ok(Answered { response, method, upload, room, key })
}

fn gone(error: &h2::Error) -> Fault {
    Fault::new(FaultKind::Stale, error)
}

/// The head as HTTP/2 has it: the host as `:authority`, the body's length where it is known.
fn outgoing(mut outgoing: Outgoing, secure: bool, host: &HeaderValue) -> Result<(Request<()>, Body), Fault> {
    let unfit = |error: &dyn std::fmt::Display| Fault::new(FaultKind::BadResponse, format!("no request of HTTP/2: {error}"));
    let mut parts = Parts::default();
    parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(Authority::try_from(host.as_bytes()).map_err(|error| unfit(&error))?);
    outgoing.tell();
    let Outgoing { method, target, mut headers, body, .. } = outgoing;
    parts.path_and_query = Some(target);
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| unfit(&error))?;
    *request.version_mut() = Version::HTTP_2;
    for framing in [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, UPGRADE] {
        headers.remove(framing);
    }
    match body.size_hint().exact() {
        Some(0) if !matches!(method, Method::POST | Method::PUT | Method::PATCH) => {}
        Some(bytes) => _ = headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes)),
        None => {}
    }
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    Ok((request, body))
}
