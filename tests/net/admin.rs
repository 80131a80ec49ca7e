//! The admin listener, from outside.

mod access;
mod kept;
mod moved;

use crate::harness::{Answer, Client, Origin, Program, until, until_refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const POLICY: &str = r#"
gateway {
  listen 127.0.0.1:0
  admin 127.0.0.1:0
}
flag beta = off
auth key keys { from query("key"); key robot env("ROBOT_KEY") }
upstream app {
  target http://{app}
  breaker { open_after 3 failures }
}
## Everything else.
route everything ANY /** -> app { public "a test" }
route shut GET /shut {
  public "a test"
  maintenance flag "no-such-file"
  respond 200 text "open"
}
route fenced GET /fenced {
  public "a test"
  limit few 2/h by client.ip
  respond 200 text "in"
}
route beta GET /beta {
  public "a test"
  allow flag.beta else 404
  respond 200 text "beta"
}
route kept GET /kept/** -> app {
  public "a test"
  cache 1h shared
}
"#;

fn policy(app: &Origin) -> String {
    POLICY.replace("{app}", &app.address().to_string())
}

fn run(app: &Origin) -> Program {
    let mut gate = Program::run_keeping(&policy(app), &[("ROBOT_KEY", "key-of-a-robot-1234")]);
    // Its file is another's from now on.
    gate.admin_address();
    gate
}

#[test]
fn the_status_says_what_runs() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    let reply = gate.admin("GET", "/admin/status").send().expect(200);
    assert_eq!(reply.field("content-type"), Some("application/json"));
    assert_eq!(reply.field("cache-control"), Some("no-store"));
    let status = reply.json();
    assert_eq!((status["state"].as_str(), status["generation"].as_u64()), (Some("serving"), Some(1)));
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["listeners"][0]["address"], gate.address().to_string());
    assert!(status["policy"].as_str().unwrap().ends_with("policy.gate"));
    let _open = gate.connect();
    until("the connection", || {
        let status = gate.admin("GET", "/admin/status").send().json();
        (status["connections"]["open"].as_u64() >= Some(1)).then_some(())
    });
}

#[test]
fn what_there_is_to_ask_for_is_listed_and_all_that_is_read_answers() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    let listed = gate.admin("GET", "/admin").send().expect(200).json();
    let names = [
        ("/page/", "page.css"),
        ("routes", "shut"),
        ("upstreams", "app"),
        ("breakers", "app"),
        ("limits", "few"),
        ("flags", "beta"),
        ("generations", "1"),
    ];
    let mut asked = 0;
    for line in listed.as_object().unwrap().keys().filter_map(|line| line.strip_prefix("GET ")) {
        let line = line.split('?').next().unwrap();
        let name = names.iter().find(|(of, _)| line.contains(of)).map_or("", |(_, name)| name);
        let read = gate.admin("GET", &line.replace("NAME", name)).send().expect(200);
        if read.field("content-type") == Some("application/json") {
            read.json();
        }
        let head = gate.admin("HEAD", &line.replace("NAME", name)).send().expect(200);
        assert!(head.body.is_empty() && head.field("content-length").is_some_and(|length| length != "0"));
        asked += 1;
    }
    assert!(asked > 12, "{listed}");
}

#[test]
fn what_cannot_be_meant_is_a_problem_that_says_why() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    for (method, target, status, says) in [
        ("GET", "/page", 404, "`/admin` lists what there is"),
        ("GET", "/page/other.js", 404, "the page has no file `other.js`"),
        ("GET", "/admin/routes/nobody", 404, "there is no route `nobody`"),
        ("GET", "/admin/upstreams/nobody", 404, "there is no upstream `nobody`"),
        ("GET", "/admin/generations/7", 404, "there is no policy 7; kept in "),
        ("GET", "/admin/generations/first", 404, "there is no generation `first`"),
        ("GET", "/admin/status?verbose=1", 400, "there is no parameter `verbose`"),
        ("GET", "/admin/reload", 405, "takes POST"),
        ("PUT", "/admin/maintenance?route=shut&on=true", 405, "takes GET, HEAD, POST"),
        ("POST", "/admin/maintenance?route=shut", 400, "`on` is missing"),
        ("POST", "/admin/maintenance?route=shut&on=maybe", 400, "`true`, `false` and `file`"),
        ("POST", "/admin/maintenance?route=fenced&on=true", 404, "route `fenced` has no `maintenance`"),
        ("POST", "/admin/flags/beta?on=101%25", 400, "a share such as `25%`"),
        ("POST", "/admin/flags/nobody?on=true", 404, "there is no flag `nobody`"),
        ("POST", "/admin/rollback", 400, "`to` is missing"),
        ("POST", "/admin/rollback?to=before", 400, "`before` is no generation"),
        ("POST", "/admin/cache/purge?rout=kept", 400, "there is no parameter `rout`"),
        ("POST", "/admin/cache/purge?route=nobody", 404, "there is no route `nobody`"),
    ] {
        let reply = gate.admin(method, target).send().expect(status);
        assert_eq!(reply.field("content-type"), Some("application/problem+json"), "{method} {target}");
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{method} {target}: {problem}");
        assert_eq!(reply.field("allow").is_some(), status == 405, "{method} {target}");
    }
    gate.admin("POST", "/admin/reload").json("{}").send().expect(415);
    gate.admin("POST", "/admin/reload").field("Transfer-Encoding", "chunked").send().expect(415);
}

#[test]
fn the_page_is_for_this_listener_alone() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    for (target, media_type) in
        [("/", "text/html"), ("/page/page.css", "text/css"), ("/page/watch.js", "text/javascript"), ("/admin", "application/json")]
    {
        let reply = gate.admin("GET", target).send().expect(200);
        assert!(reply.field("content-type").is_some_and(|found| found.starts_with(media_type)), "{target}");
        let policy = reply.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (reply.field("x-content-type-options"), reply.field("referrer-policy"), reply.field("cache-control")),
            (Some("nosniff"), Some("no-referrer"), Some("no-store"))
        );
    }
}

#[test]
fn a_request_is_tried_out_and_nothing_of_it_is_sent_or_logged() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    let traced = gate.admin("POST", "/admin/trace?method=GET&url=/kept/x&headers=Authorization:%20s3cret%0AAccept:%20*/*").send();
    let traced = traced.expect(200).json();
    assert_eq!((traced["route"].as_str(), traced["upstream"].as_str()), (Some("kept"), Some("app")));
    for url in ["/fenced?key=s3cret%26page=7", "http://localhost/kept/a?%256bey=s3cret%26page=7"] {
        let traced = gate.admin("POST", &format!("/admin/trace?url={url}&headers=X-Api-Key:%20s3cret")).send().expect(200).json();
        assert!(traced["request"]["target"].as_str().unwrap().ends_with("=(not shown)&page=7"), "{traced}");
        assert!(!traced.to_string().contains("s3cret"), "{traced}");
    }
    let traced = gate.admin("POST", "/admin/trace?url=/fenced&client_ip=2001:db8::1").send().expect(200).json();
    assert_eq!((traced["status"].as_u64(), traced["request"]["from"].as_str()), (Some(200), Some("2001:db8::1")));
    assert!(traced["stages"].as_array().unwrap().iter().any(|stage| stage["statement"] == "limit few 2/h by client.ip"), "{traced}");
    for (query, says) in [
        ("url=fenced", "neither a path that begins with `/` nor a URL"),
        ("url=/&client_ip=here", "`here` in `client_ip` is no IP address"),
        ("url=/&headers=Accept", "`Accept` in `headers`: write `Name: value`"),
        ("url=/&claims=sub", "this is no JSON object"),
        ("url=/&header=Accept:%20a", "there is no parameter `header`; there are `method`, `url`, `headers`"),
    ] {
        let problem = gate.admin("POST", &format!("/admin/trace?{query}")).send().expect(400).json();
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
    assert!(app.requests().is_empty());
    gate.admin("POST", "/admin/cache/purge").send().expect(200);
    gate.until_said("asked by hand");
    assert!(!gate.said().contains("s3cret") && !gate.said().contains("trace"), "{}", gate.said());
}

#[test]
fn a_reload_answers_with_what_it_changes_or_with_what_is_wrong() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.write(&policy(&app).replace("few 2/h", "few 3/h"));
    let reloaded = gate.admin("POST", "/admin/reload").send().expect(200).json();
    assert_eq!(reloaded["generation"], 2);
    assert!(reloaded["changes"].to_string().contains("limit `few` is 3/h, was 2/h"), "{reloaded}");
    gate.write("gateway {");
    let problem = gate.admin("POST", "/admin/reload").send().expect(422).json();
    assert!(problem["diagnostics"].as_str().unwrap().contains("gate::syntax::brace"), "{problem}");
    assert_eq!(gate.admin("GET", "/admin/status").send().json()["generation"], 2);
    let config = gate.admin("GET", "/admin/config").send().expect(200).json();
    assert!(config.to_string().contains("\"few\""), "the policy in force is shown, not the file");
}

#[test]
fn readiness_turns_when_the_gateway_is_told_to_drain() {
    let app = Origin::start(|_| Answer::Hang);
    let mut gate = run(&app);
    assert_eq!(gate.admin("GET", "/admin/ready").send().expect(200).json()["ready"], true);
    let admin = gate.admin_address().to_string();
    assert_eq!(gate.ask(&["ready", "--admin", &admin]), (Some(0), String::new()));
    let mut under_way = gate.connect();
    under_way.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    let address = gate.address();
    gate.admin("POST", "/admin/drain").send().expect(202);
    assert_eq!(gate.admin("GET", "/admin/ready").send().expect(503).json()["state"], "draining");
    let (code, printed) = gate.ask(&["ready", "--admin", &admin]);
    assert_eq!((code, printed.contains("not ready: 503")), (Some(1), true), "{printed}");
    until_refused(address);
    assert_eq!(gate.admin("GET", "/admin/status").send().expect(200).json()["state"], "draining");
}

#[test]
fn what_another_program_answers_is_neither_a_gateway_that_is_ready_nor_a_policy_in_force() {
    let app = Origin::json("{}");
    let gate = run(&app);
    for body in ["{}", "OK", "[true]", r#"{"ready": true}"#, r#"{"ready": true, "state": "up"}"#] {
        let other = Origin::start(move |_| Answer::json(200, body));
        let at = other.address().to_string();
        let foreign = "what answers there is no gateway's admin listener\n";
        assert_eq!(gate.ask(&["ready", "--admin", &at]), (Some(1), format!("gate: not ready: {foreign}")), "{body}");
        for command in [&["reload"][..], &["rollback"], &["rollback", "1"]] {
            assert_eq!(gate.ask(&[command, &["--admin", &at]].concat()), (Some(2), format!("gate: {foreign}")), "{command:?} {body}");
        }
    }
}

#[test]
fn a_listener_that_serves_routes_is_not_taken_for_the_admin_listener() {
    let app = Origin::json("{}");
    let text = policy(&app).replace("ANY /** -> app", "ANY /app/** -> app");
    let mut gate = Program::run(&text, &[], &[("ROBOT_KEY", "key-of-a-robot-1234")]);
    let at = gate.address().to_string();
    let foreign = "what answers there is no gateway's admin listener\n";
    assert_eq!(gate.ask(&["ready", "--admin", &at]), (Some(1), format!("gate: not ready: {foreign}")));
    for command in [&["reload"][..], &["rollback"], &["rollback", "1"]] {
        assert_eq!(gate.ask(&[command, &["--admin", &at]].concat()), (Some(2), format!("gate: {foreign}")), "{command:?}");
    }
}

#[test]
fn a_drain_without_requests_ends_the_process_well() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.admin("POST", "/admin/drain").send().expect(202);
    assert_eq!(gate.until_ended().code(), Some(0));
}

#[test]
fn maintenance_is_turned_by_hand_and_left_to_its_file_again() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.get("/shut").send().expect(200);
    let turned = gate.admin("POST", "/admin/maintenance?route=shut&on=true").send().expect(200).json();
    assert_eq!((&turned["shut"]["on"], &turned["shut"]["by_hand"]), (&true.into(), &true.into()));
    gate.get("/shut").send().expect(503);
    gate.reload(" reloaded");
    gate.get("/shut").send().expect(503);
    gate.admin("POST", "/admin/maintenance?on=file").send().expect(200);
    gate.get("/shut").send().expect(200);
    let shown = gate.admin("GET", "/admin/routes/shut").send().expect(200).json();
    assert_eq!((&shown["maintenance"]["on"], &shown["path"]), (&false.into(), &"/shut".into()));
}

#[test]
fn a_flag_stays_turned_over_a_reload_until_it_is_as_declared_again() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.get("/beta").send().expect(404);
    assert_eq!(gate.admin("POST", "/admin/flags/beta?on=true").send().expect(200).json()["on"], "on");
    gate.get("/beta").send().expect(200);
    gate.write(&policy(&app).replace("few 2/h", "few 3/h"));
    gate.admin("POST", "/admin/reload").send().expect(200);
    gate.get("/beta").send().expect(200);
    let turned = gate.admin("POST", "/admin/flags/beta?on=12.5%25").send().expect(200).json();
    assert_eq!((&turned["on"], &turned["declared"]), (&"12.5%".into(), &"off".into()));
    gate.admin("POST", "/admin/flags/beta?on=declared").send().expect(200);
    gate.get("/beta").send().expect(404);
    gate.admin("POST", "/admin/flags/beta?on=true").send().expect(200);
    gate.write(&policy(&app).replace("beta = off", "beta = on"));
    gate.admin("POST", "/admin/reload").send().expect(200);
    assert_eq!(gate.admin("GET", "/admin/flags/beta").send().json()["declared"], "on");
}

#[test]
fn what_is_purged_is_fetched_again() {
    let app = Origin::start(|asked| {
        let tag = if asked.target.ends_with('1') { "Cache-Tag: odd\r\n" } else { "" };
        Answer::with(200, &format!("Content-Type: text/plain\r\n{tag}"), "said")
    });
    let mut gate = run(&app);
    let fill = |gate: &mut Program| {
        let before = app.requests().len();
        for target in ["/kept/1", "/kept/2"] {
            gate.get(target).send().expect(200);
        }
        app.requests().len() - before
    };
    assert_eq!(fill(&mut gate), 2);
    assert_eq!(fill(&mut gate), 0);
    assert_eq!(gate.admin("GET", "/admin/cache").send().json()["entries"], 2);
    for (purge, dropped) in
        [("path=/kept/1", 1), ("tag=odd", 1), ("route=kept&host=LOCALHOST", 2), ("route=kept&path=/kept/3", 0), ("host=other", 0), ("", 2)]
    {
        let purged = gate.admin("POST", &format!("/admin/cache/purge?{purge}")).send().expect(200).json();
        assert_eq!(purged["purged"], dropped, "{purge}");
        assert_eq!(fill(&mut gate), dropped, "{purge}");
    }
}

#[test]
fn a_breaker_that_is_opened_by_hand_stays_open_until_it_is_closed_by_hand() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    gate.get("/").send().expect(200);
    let opened = gate.admin("POST", "/admin/breakers/app/open").send().expect(200).json();
    assert_eq!((&opened["state"], &opened["by_hand"]), (&"open".into(), &true.into()));
    assert_eq!(gate.get("/").send().expect(503).field("retry-after"), Some("30"));
    gate.reload(" reloaded");
    gate.get("/").send().expect(503);
    assert_eq!(gate.admin("GET", "/admin/upstreams/app").send().json()["breaker"]["state"], "open");
    assert_eq!(gate.admin("POST", "/admin/breakers/app/close").send().expect(200).json()["state"], "closed");
    gate.get("/").send().expect(200);
}

#[test]
fn limits_and_targets_are_told_as_they_stand() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    for status in [200, 200, 429] {
        gate.get("/fenced").send().expect(status);
    }
    let few = gate.admin("GET", "/admin/limits").send().expect(200).json()["few"].clone();
    assert_eq!(few, gate.admin("GET", "/admin/limits/few").send().expect(200).json());
    assert!(few["declared"][0].as_str().unwrap().starts_with("2/h"), "{few}");
    assert_eq!((few["allowed"].as_u64(), few["rejected"].as_u64(), few["keys"].as_u64()), (Some(2), Some(1), Some(1)));
    gate.get("/").send().expect(200);
    let upstream = gate.admin("GET", "/admin/upstreams").send().expect(200).json()["app"].clone();
    assert_eq!(upstream["targets"][0]["target"], app.address().to_string());
    assert_eq!((&upstream["targets"][0]["state"], &upstream["healthy"]), (&"up".into(), &1.into()));
    let routes = gate.admin("GET", "/admin/routes").send().expect(200).json();
    let order: Vec<&str> = routes.as_array().unwrap().iter().map(|route| route["route"].as_str().unwrap()).collect();
    // It stands first in the file, and takes what no other one does.
    assert_eq!(order.last(), Some(&"everything"), "{order:?}");
    assert_eq!(routes[order.len() - 1]["target"], "-> app");
    assert_eq!(gate.admin("GET", "/admin/routes/everything").send().json()["doc"], "Everything else.");
}

fn guarded(text: &str) -> String {
    format!(
        "auth key operators {{ keys env(\"OPERATORS\") }}\n{}",
        text.replace("admin 127.0.0.1:0", "admin 127.0.0.1:0 { auth operators }")
    )
}

#[test]
fn a_process_that_another_one_succeeds_is_administered_no_more() {
    let app = Origin::start(|_| Answer::Hang);
    let mut gate = run(&app);
    let first = gate.admin_address();
    let mut under_way = gate.connect();
    under_way.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    app.until_begun(1);
    gate.signal("USR2");
    until("the new process", || (gate.admin_address() != first).then_some(()));
    until_refused(first);
    assert_eq!(gate.admin("GET", "/admin/status").send().expect(200).json()["state"], "serving");
    gate.admin("POST", "/admin/drain").send().expect(202);
}

#[test]
fn an_address_that_is_taken_fails_the_start_and_the_reload() {
    let app = Origin::json("{}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at_taken = policy(&app).replace("admin 127.0.0.1:0", &format!("admin {}", taken.local_addr().unwrap()));
    let mut never = Program::run(&at_taken, &[], &[]);
    assert_eq!(never.until_ended().code(), Some(1));
    assert!(never.said().contains("the admin listener cannot listen on"), "{}", never.said());
    let mut gate = run(&app);
    gate.write(&at_taken.replace("few 2/h", "few 3/h"));
    let problem = gate.admin("POST", "/admin/reload").send().expect(422).json();
    assert!(problem["diagnostics"].as_str().unwrap().contains("the admin listener cannot listen on"), "{problem}");
    assert_eq!(gate.admin("GET", "/admin/status").send().json()["generation"], 1);
}

#[test]
fn what_is_turned_by_hand_is_an_event() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    for target in [
        "/admin/flags/beta?on=25%25",
        "/admin/maintenance?route=shut&on=true",
        "/admin/cache/purge?route=kept",
        "/admin/breakers/app/open",
        "/admin/reload",
    ] {
        gate.admin("POST", target).send().expect(200);
    }
    let all = gate.admin("GET", "/admin/events").send().expect(200).json();
    let told: Vec<_> = all["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    for kind in ["startup", "flag", "maintenance", "purge", "breaker", "reload"] {
        assert!(told.contains(&kind), "{kind}: {all}");
    }
    let some = gate.admin("GET", "/admin/events?kinds=flag,purge").send().expect(200).json();
    assert_eq!(some["events"].as_array().unwrap().len(), 2);
    assert_eq!(some["events"][0]["subject"], "beta");
    assert_eq!((&all["missed"], &some["missed"]), (&0.into(), &0.into()));
    let last = all["told"].as_u64().unwrap();
    let later = gate.admin("GET", &format!("/admin/events?since={last}")).send().expect(200).json();
    assert_eq!(later["events"].as_array().unwrap().len(), 0);
    gate.admin("GET", "/admin/events?kinds=flags").send().expect(400);
    gate.admin("GET", "/admin/events?since=yesterday").send().expect(400);
}

#[test]
fn connections_to_the_admin_listener_are_bounded() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    let address = gate.admin_address();
    let mut open: Vec<Client> = (0..64).map(|_| Client::connect(address)).collect();
    assert!(Client::connect(address).is_closed());
    let request = "GET /admin/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    open[0].send(request).read().expect(200);
    open.clear();
    until("a place", || Client::connect(address).send(request).try_read("GET").is_ok().then_some(()));
    gate.get("/fenced").send().expect(200);
}

#[test]
fn administration_under_load_costs_no_request() {
    let app = Origin::json("{}");
    let mut gate = run(&app);
    let address = gate.address();
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                while !stop.load(Ordering::Acquire) {
                    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").read().expect(200);
                    answered.fetch_add(1, Ordering::AcqRel);
                }
            })
        })
        .collect();
    for round in 0..20 {
        let before = answered.load(Ordering::Acquire);
        for (method, target) in [
            ("GET", "/admin/status"),
            ("GET", "/admin/upstreams"),
            ("GET", "/admin/config"),
            ("POST", "/admin/breakers/app/close"),
            ("POST", "/admin/cache/purge"),
            ("POST", if round % 2 == 0 { "/admin/flags/beta?on=true" } else { "/admin/flags/beta?on=false" }),
        ] {
            gate.admin(method, target).send().expect(200);
        }
        until("load", || (answered.load(Ordering::Acquire) > before).then_some(()));
    }
    stop.store(true, Ordering::Release);
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn all_that_may_be_asked_is_in_the_manual() {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operating.md")).unwrap();
    let app = Origin::json("{}");
    let listed = run(&app).admin("GET", "/admin").send().expect(200).json();
    let missing: Vec<&String> = listed.as_object().unwrap().keys().filter(|line| !manual.contains(&format!("`{line}`"))).collect();
    assert!(missing.is_empty(), "docs/operating.md does not name {missing:?}");
}
