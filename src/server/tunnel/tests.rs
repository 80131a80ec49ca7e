use super::{Ending, ROOM, run};
use crate::http::Tunnel;
use crate::server::ending::Guards;
use crate::server::metrics::Sheet;
use crate::server::tests::rig::draft;
use crate::upstream::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const IDLE: Duration = Duration::from_secs(300);

/// A tunnel that runs, and both ends of it.
fn tunnel(held: usize) -> (DuplexStream, DuplexStream, JoinHandle<()>) {
    let ((client, inner), (outer, upstream)) = (duplex(held), duplex(held));
    let came = b"answered ".as_slice().into();
    let tunnel = Tunnel { stream: Box::new(outer), came, idle: IDLE, held: Box::new(()) };
    let plan = draft("127.0.0.1:1".parse().unwrap()).plan(&Registry::default());
    let sheet = Arc::new(Sheet::of(&Arc::new(plan), &Arc::default()));
    let ending = Ending::new((sheet, None), Instant::now(), 101, None, None, Guards::new());
    let running = tokio::spawn(run(inner, b"asked ".as_slice().into(), b"head ".to_vec(), tunnel, ending));
    (client, upstream, running)
}

async fn read(from: &mut DuplexStream, expected: &[u8]) {
    let mut came = vec![0; expected.len()];
    from.read_exact(&mut came).await.unwrap();
    assert!(came == expected);
}

#[tokio::test(start_paused = true)]
async fn what_came_early_comes_first_and_bytes_pass_both_ways_until_both_have_ended() {
    let (mut client, mut upstream, running) = tunnel(64);
    read(&mut client, b"head answered ").await;
    read(&mut upstream, b"asked ").await;
    client.write_all(b"ping").await.unwrap();
    read(&mut upstream, b"ping").await;
    client.shutdown().await.unwrap();
    assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0);
    upstream.write_all(b"pong").await.unwrap();
    read(&mut client, b"pong").await;
    drop(upstream);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_not_read_for_and_holds_up_no_other_direction() {
    let (mut client, mut upstream, _running) = tunnel(64);
    let flood = vec![7; 10 * ROOM];
    let stuck = timeout(Duration::from_secs(1), upstream.write_all(&flood)).await;
    assert!(stuck.is_err(), "all was taken in, though nobody reads");
    client.write_all(b"still heard").await.unwrap();
    read(&mut upstream, b"asked still heard").await;
}

#[tokio::test(start_paused = true)]
async fn large_messages_pass_whole() {
    let (client, mut upstream, _running) = tunnel(1000);
    let message: Vec<u8> = (0..20 * ROOM).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (mut from, mut to) = tokio::io::split(client);
    let sent = message.clone();
    let sending = tokio::spawn(async move { to.write_all(&sent).await.unwrap() });
    read(&mut upstream, b"asked ").await;
    read(&mut upstream, &message).await;
    upstream.write_all(b"done").await.unwrap();
    let mut came = [0; 18];
    from.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"head answered done");
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tunnel_ends_when_nothing_has_come_either_way_for_long() {
    let (mut client, mut upstream, running) = tunnel(64);
    let start = Instant::now();
    for number in 0..6 {
        sleep(IDLE - Duration::from_secs(1)).await;
        let (from, to) = if number % 2 == 0 { (&mut client, &mut upstream) } else { (&mut upstream, &mut client) };
        from.write_all(b"x").await.unwrap();
        while to.read_u8().await.unwrap() != b'x' {}
    }
    running.await.unwrap();
    assert_eq!(start.elapsed(), 6 * (IDLE - Duration::from_secs(1)) + IDLE);
}

#[tokio::test(start_paused = true)]
async fn half_a_tunnel_does_not_wait_as_long() {
    let (mut client, _upstream, running) = tunnel(64);
    let start = Instant::now();
    client.shutdown().await.unwrap();
    running.await.unwrap();
    assert_eq!(start.elapsed(), super::ENDED_MAX);
}
