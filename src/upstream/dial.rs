//! A connection to whichever of several addresses answers first, in the order of RFC 8305.

use super::endpoint::Addresses;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an address is tried alone before the next one is tried beside it (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Most addresses that are tried for one connection.
const TRIED_MAX: usize = 8;

/// Connects to the first address that answers. How long that may take is the caller's to say.
///
/// # Errors
/// What the last address said, when none answers.
pub async fn dial(addresses: &[SocketAddr]) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = match addresses {
        [only] => (TcpStream::connect(only).await?, *only),
        several => race(alternating(several)).await?,
    };
    stream.set_nodelay(true)?;
    Ok((stream, address))
}

async fn race(addresses: Addresses) -> io::Result<(TcpStream, SocketAddr)> {
    let mut left = addresses.into_iter().take(TRIED_MAX).peekable();
    let mut under_way = FuturesUnordered::new();
    let mut failed = io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    loop {
        if let Some(address) = left.next() {
            under_way.push(async move { (TcpStream::connect(address).await, address) });
        }
        let another = left.peek().is_some();
        let head_start = async { if another { sleep(HEAD_START).await } else { pending().await } };
        tokio::select! {
            tried = under_way.next() => match tried {
                Some((Ok(stream), address)) => return Ok((stream, address)),
                Some((Err(error), _)) => failed = error,
                None => return Err(failed),
            },
            () = head_start => {}
        }
    }
}

/// The families in turn, each in its own order, so that one that leads nowhere costs one head start (RFC 8305 §4).
fn alternating(addresses: &[SocketAddr]) -> Addresses {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Addresses, Addresses) = addresses.iter().copied().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Addresses::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::{alternating, dial};
    use std::net::SocketAddr;
    use tokio::net::TcpListener;

    fn all(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_families_take_turns_and_the_first_one_begins() {
        let given = all(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        assert_eq!(alternating(&given).to_vec(), all(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]));
        assert!(alternating(&[]).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_costs_no_connection() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let here = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = here.local_addr().unwrap();
        assert_eq!(dial(&[gone, address]).await.unwrap().1, address);
        assert!(dial(&[gone, gone]).await.is_err());
        assert!(dial(&[]).await.is_err());
    }

    #[tokio::test]
    async fn an_address_that_keeps_silent_is_overtaken() {
        // A network for documentation: either nothing answers from there, or nothing leads there.
        let silent = "192.0.2.1:9".parse().unwrap();
        let here = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = here.local_addr().unwrap();
        assert_eq!(dial(&[silent, address]).await.unwrap().1, address);
    }
}
