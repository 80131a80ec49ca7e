use super::rig::{Draft, draft, echo, status};
use crate::compile::plan::Listener;
use crate::events::Kind;
use crate::http::Address;
use crate::server::Server;
use crate::server::inherit::Inherited;
use crate::upstream::{Registry, transport::Tcp};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

const GET: &str = "GET /x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";

/// Sends text and reads until the end; what came of it may be nothing.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: impl AsRef<[u8]>) -> String {
    let mut reply = Vec::new();
    let _ = stream.write_all(bytes.as_ref()).await;
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8_lossy(&reply).into_owned()
}

fn at(path: &Path, mut draft: Draft) -> Draft {
    draft.settings.listeners[0].address = Address::Unix(path.to_str().unwrap().to_owned());
    draft
}

fn start(draft: &Draft) -> std::io::Result<Server> {
    Server::start(draft.plan(&Registry::default()), Tcp::default, std::io::sink())
}

async fn end(server: Server) {
    tokio::task::spawn_blocking(move || server.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_unix_socket_is_served_by_all_workers_and_its_file_goes_with_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let mut draft = at(&path, draft(echo().await));
    draft.settings.workers = 3;
    draft.settings.listeners[0].mode = 0o600;
    let server = start(&draft).unwrap();
    assert_eq!(server.addresses(), [draft.settings.listeners[0].address.clone()]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for _ in 0..10 {
        let reply = exchange(UnixStream::connect(&path).await.unwrap(), GET).await;
        assert_eq!(status(&reply), 200, "{reply}");
        assert!(reply.contains("x-forwarded-for: 127.0.0.1\r\n") && reply.contains("x-forwarded-proto: http\r\n"), "{reply}");
    }
    end(server).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn what_breaks_down_once_a_policy_is_in_force_takes_nothing_back() {
    let (mut draft, registry) = (draft(echo().await), Registry::default());
    let server = Server::start(draft.plan(&registry), Tcp::default, std::io::sink()).unwrap();
    let before = server.addresses()[0].tcp().unwrap();
    draft.settings.listeners = vec![Listener::new("test".into(), "127.0.0.2:0".parse().unwrap())];
    let plan = server.swap_beside(draft.plan(&registry), None, |_| panic!("what nobody foresaw")).unwrap();
    assert!(Arc::ptr_eq(&plan, &server.plan()));
    let now = server.addresses()[0].tcp().unwrap();
    assert_eq!(
        (status(&exchange(TcpStream::connect(now).await.unwrap(), GET).await), TcpStream::connect(before).await.is_err()),
        (200, true)
    );
    assert_eq!(server.follow_up("the rest is not done", || 7), Some(7));
    let told: Vec<String> = plan.events.recent(0, &[Kind::Error]).iter().map(|event| event.detail.clone()).collect();
    assert!(matches!(told.as_slice(), [only] if only.starts_with("the policy is in force, but what goes with it broke down")), "{told:?}");
    end(server).await;
}

#[tokio::test]
async fn a_file_that_was_left_behind_is_replaced_and_one_that_is_in_use_or_no_socket_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let draft = at(&path, draft(echo().await));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start(&draft).unwrap();
    let error = start(&draft).err().unwrap();
    assert!(error.to_string().contains(&format!("cannot listen on unix:{}", path.display())), "{error}");
    assert_eq!(status(&exchange(UnixStream::connect(&path).await.unwrap(), GET).await), 200);
    end(server).await;
    std::fs::write(&path, "somebody's").unwrap();
    assert_eq!(start(&draft).err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's");
}

#[tokio::test]
async fn whoever_waits_at_a_unix_socket_when_the_gateway_ends_is_still_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let server = start(&at(&path, draft(echo().await))).unwrap();
    let waiting: Vec<_> = (0..50).map(|_| std::os::unix::net::UnixStream::connect(&path).unwrap()).collect();
    let asked = waiting.into_iter().map(|stream| {
        stream.set_nonblocking(true).unwrap();
        tokio::spawn(exchange(UnixStream::from_std(stream).unwrap(), GET))
    });
    let asked: Vec<_> = asked.collect();
    tokio::task::yield_now().await;
    end(server).await;
    for reply in asked {
        assert_eq!(status(&reply.await.unwrap()), 200);
    }
}

fn proxied(mut draft: Draft, trust: &str) -> Draft {
    draft.settings.listeners[0].proxied = true;
    draft.settings.trust = vec![trust.parse().unwrap()];
    draft
}

fn v2(client_ssl: u8) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11".to_vec();
    header.extend_from_slice(&[0, 20, 203, 0, 113, 7, 10, 0, 0, 1, 0, 9, 1, 0xBB, 0x20, 0, 5, client_ssl, 0, 0, 0, 0]);
    header
}

#[tokio::test]
async fn a_trusted_proxy_says_whose_connection_it_is() {
    let gate = proxied(draft(echo().await), "127.0.0.0/8").start();
    for (header, told) in [
        (b"PROXY TCP4 203.0.113.7 10.0.0.1 9 443\r\n".to_vec(), ["x-forwarded-for: 203.0.113.7\r\n", "x-forwarded-proto: http\r\n"]),
        (b"PROXY TCP6 2001:db8::7 ::1 9 443\r\n".to_vec(), ["x-forwarded-for: 2001:db8::7\r\n", "x-forwarded-proto: http\r\n"]),
        (b"PROXY UNKNOWN\r\n".to_vec(), ["x-forwarded-for: 127.0.0.1\r\n", "x-forwarded-proto: http\r\n"]),
        (v2(0), ["x-forwarded-for: 203.0.113.7\r\n", "x-forwarded-proto: http\r\n"]),
        (v2(1), ["x-forwarded-for: 203.0.113.7\r\n", "x-forwarded-proto: https\r\n"]),
    ] {
        let reply = gate.send([&header[..], GET.as_bytes()].concat()).await;
        assert_eq!(status(&reply), 200, "{reply}");
        assert!(told.iter().all(|told| reply.contains(told)), "{told:?}: {reply}");
    }
    for no_header in [GET.as_bytes(), b"PROXY TCP4 203.0.113.7\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\0", b"PROXY"] {
        let mut client = gate.connect().await;
        client.write(no_header).await;
        client.end_of_input().await;
        assert_eq!(client.rest().await, "", "{no_header:?}");
    }
    let log = gate.end().await;
    assert!(log.contains(r#""client_ip":"203.0.113.7""#), "{log}");
}

#[tokio::test]
async fn forwarding_fields_are_believed_when_the_client_that_the_proxy_names_is_trusted() {
    let gate = proxied(draft(echo().await), "127.0.0.0/8").start();
    let request = "GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nConnection: close\r\n\r\n";
    let reply = gate.send(format!("PROXY TCP4 203.0.113.7 10.0.0.1 9 443\r\n{request}")).await;
    assert!(reply.contains("x-forwarded-for: 203.0.113.7\r\n"), "{reply}");
    let reply = gate.send(format!("PROXY TCP4 127.0.0.9 10.0.0.1 9 443\r\n{request}")).await;
    assert!(reply.contains("x-forwarded-for: 198.51.100.1, 127.0.0.9\r\n"), "{reply}");
}

#[tokio::test]
async fn a_peer_that_is_not_trusted_gets_nowhere() {
    let gate = proxied(draft(echo().await), "10.0.0.0/8").start();
    assert_eq!(gate.send(format!("PROXY TCP4 10.0.0.7 10.0.0.1 9 443\r\n{GET}")).await, "");
}

#[tokio::test]
async fn a_header_that_stalls_is_cut() {
    let mut draft = proxied(draft(echo().await), "127.0.0.0/8");
    draft.settings.header_timeout = Duration::from_millis(50);
    let gate = draft.start();
    assert_eq!(gate.send("PROXY TCP4 203").await, "");
    assert_eq!(gate.send("").await, "");
}

#[tokio::test]
async fn who_is_at_https_by_a_proxys_word_is_not_sent_there() {
    let mut draft = proxied(draft(echo().await), "127.0.0.0/8");
    draft.settings.listeners[0].to_https = Some(443);
    let gate = draft.start();
    assert_eq!(status(&gate.send([&v2(1)[..], GET.as_bytes()].concat()).await), 200);
    assert_eq!(status(&gate.send([&v2(0)[..], GET.as_bytes()].concat()).await), 308);
}

#[tokio::test]
async fn a_proxy_may_come_by_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.sock");
    let server = start(&proxied(at(&path, draft(echo().await)), "127.0.0.1/32")).unwrap();
    let reply = exchange(UnixStream::connect(&path).await.unwrap(), format!("PROXY TCP4 203.0.113.7 10.0.0.1 9 443\r\n{GET}")).await;
    assert!(reply.contains("x-forwarded-for: 203.0.113.7\r\n"), "{reply}");
    end(server).await;
}

/// A port that is listened at, as it would be inherited.
fn passed(name: &str) -> (Inherited, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (Inherited::of(name, listener).unwrap(), address)
}

#[tokio::test]
async fn an_inherited_socket_is_taken_by_its_name_or_its_address_and_shared_evenly() {
    for by_name in [true, false] {
        let mut draft = draft(echo().await);
        draft.settings.workers = 2;
        let (inherited, address) = passed(if by_name { "test" } else { "other" });
        if !by_name {
            draft.settings.listeners[0].address = address.into();
        }
        let plan = draft.plan(&Registry::default());
        let server = Server::start_with(plan, Tcp::default, std::io::sink(), inherited).unwrap();
        assert_eq!(server.addresses(), [Address::Tcp(address)]);
        for _ in 0..4 {
            let reply = exchange(TcpStream::connect(address).await.unwrap(), GET).await;
            assert_eq!(status(&reply), 200, "{reply}");
        }
        end(server).await;
    }
}

#[tokio::test]
async fn an_inherited_socket_that_no_listener_takes_is_said() {
    let (inherited, address) = passed("other");
    let plan = draft(echo().await).plan(&Registry::default());
    let error = Server::start_with(plan, Tcp::default, std::io::sink(), inherited).err().unwrap();
    assert!(error.to_string().contains(&format!("a socket at {address} was passed that no listener takes")), "{error}");
}
