//! One request, until the head of its answer is there.

use super::fault;
use super::sessions::Room;
use super::upload::Upload;
use crate::http::{Body, Fault, FaultKind, Outgoing};
use h2::RecvStream;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

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
}

/// Sends a request and waits for its answer, whose body comes as it is read.
///
/// # Errors
/// [`FaultKind::Stale`] when the other side did nothing with it.
pub async fn exchange(mut room: Room, mut request: Outgoing, secure: bool, host: &HeaderValue) -> Result<Answered, Fault> {
    let (method, early) = (request.method.clone(), request.early.take());
    let (request, body) = outgoing(request, secure, host)?;
    let ends = body.is_end_stream();
    // Room was found by asking whether the connection takes requests, so all that can be wrong by now is that it has ended.
    let sent = room.place.send.send_request(request, ends);
    let (response, stream) = sent.map_err(|error| if error.is_remote() || error.is_io() { gone(&error) } else { fault(&error) })?;
    let mut upload = Upload::new(body, stream, ends);
    let mut response = pin!(response);
    let response = poll_fn(|cx| {
        // An answer may come before all was sent.
        if let Poll::Ready(Err(fault)) = upload.poll(cx) {
            return Poll::Ready(Err(fault));
        }
        while let Some(early) = &early
            && let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx)
        {
            if interim.status() != StatusCode::CONTINUE {
                early.push(interim.status(), interim.headers());
            }
        }
        Pin::new(&mut *response).poll(cx).map(|answered| answered.map_err(|error| fault(&error)))
    })
    .await?;
    Ok(Answered { response, method, upload, room })
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
    // What HTTP/1.1 upgrades to, this connection does not switch to: the request goes on as the plain GET it is.
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
