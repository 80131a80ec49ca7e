use super::super::connect::Resolve;
use super::testing::{Says, Zone};
use super::{Resolver, look};
use std::net::IpAddr;
use std::time::Duration;

fn at(ip: &str) -> Says {
    Says::At(ip.parse::<IpAddr>().unwrap())
}

fn every(host: &str, port: Option<u16>) -> Resolve {
    Resolve { host: host.to_owned(), port, every: Duration::from_secs(3600) }
}

#[tokio::test]
async fn both_families_are_found_and_believed_for_the_shortest_time_to_live() {
    let zone = Zone::start().await;
    zone.set("users.svc", &[(40, at("10.0.0.1")), (20, at("fd00::1"))]);
    zone.set("short.svc", &[(0, at("10.0.0.2"))]);
    zone.set("long.svc", &[(9000, at("10.0.0.3"))]);
    zone.set("alias.svc", &[(7, Says::Alias("users.svc"))]);
    for (name, expected, seconds) in [
        ("users.svc", &["10.0.0.1:80", "[fd00::1]:80"][..], 20),
        ("short.svc", &["10.0.0.2:80"], 1),
        ("long.svc", &["10.0.0.3:80"], 60),
        ("alias.svc", &["10.0.0.1:80", "[fd00::1]:80"], 7),
        ("192.0.2.1", &["192.0.2.1:80"], 60),
    ] {
        let (addresses, age) = zone.resolver().addresses(name, 80).await.unwrap();
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!((addresses.iter().map(String::as_str).collect::<Vec<_>>(), age.as_secs()), (expected.to_vec(), seconds), "{name}");
    }
    assert!(zone.resolver().addresses("nobody.svc", 80).await.is_err());
    zone.fail(true);
    assert!(zone.resolver().addresses("users.svc", 80).await.is_err());
}

#[tokio::test]
async fn the_file_of_hosts_goes_before_every_server() {
    let (addresses, _) = Resolver::default().addresses("localhost", 80).await.unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
}

#[tokio::test]
async fn endpoints_follow_a_name_and_those_that_stay_keep_their_state() {
    let zone = Zone::start().await;
    zone.set("orders.svc", &[(30, at("10.0.0.2")), (30, at("10.0.0.1"))]);
    let resolve = every("orders.svc", Some(9000));
    let (first, age) = look(&zone.resolver(), &resolve, false, &[], None).await.unwrap();
    assert_eq!(age, Duration::from_secs(30));
    assert_eq!(first.iter().map(|one| one.target.host.as_str()).collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.2"]);
    assert!(first.iter().all(|one| one.authority == "orders.svc:9000" && one.literal().is_some()));
    let _busy = first[1].occupy();
    zone.set("orders.svc", &[(30, at("10.0.0.2")), (30, at("10.0.0.3"))]);
    let written = &first[..1];
    let (second, _) = look(&zone.resolver(), &resolve, false, written, Some(&first)).await.unwrap();
    assert_eq!(second.iter().map(|one| one.in_flight()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(second[0].number, first[0].number, "what is written stays in front");
}

#[tokio::test]
async fn records_of_a_service_bring_ports_weights_and_those_who_stand_behind() {
    let zone = Zone::start().await;
    let offers =
        [(60, Says::Offers(10, 3, 9001, "a.svc")), (60, Says::Offers(10, 0, 9002, "b.svc")), (60, Says::Offers(20, 5, 9003, "a.svc"))];
    zone.set("_orders._tcp.shop.svc", &offers);
    zone.set("a.svc", &[(15, at("10.0.0.1"))]);
    zone.set("b.svc", &[(60, at("10.0.0.2"))]);
    let resolve = every("_orders._tcp.shop.svc", None);
    let (found, age) = look(&zone.resolver(), &resolve, true, &[], None).await.unwrap();
    let targets: Vec<_> =
        found.iter().map(|one| (one.target.host.as_str(), one.target.port, one.target.weight, one.target.backup)).collect();
    assert_eq!(targets, [("10.0.0.1", 9001, 3, false), ("10.0.0.1", 9003, 5, true), ("10.0.0.2", 9002, 1, false)]);
    assert!(found.iter().all(|one| one.name == "shop.svc" && one.target.tls));
    assert_eq!(age, Duration::from_secs(15));
    // A host that has gone leaves the others; that nobody offers the service is no answer to act on.
    zone.set("b.svc", &[]);
    assert_eq!(look(&zone.resolver(), &resolve, true, &[], Some(&found)).await.unwrap().0.len(), 2);
    zone.set("_orders._tcp.shop.svc", &[(60, Says::Offers(0, 0, 0, "."))]);
    assert!(look(&zone.resolver(), &resolve, true, &[], Some(&found)).await.is_err());
}
