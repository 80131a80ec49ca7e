//! A gateway in this process, from the text of a policy.

use super::client::{Ask, Client};
use super::origin::Origin;
use gatewright::check::{self, Files, Options};
use gatewright::compile::{Compiler, Plan};
use gatewright::events::{Change, Event, Kind};
use gatewright::fetch::Network;
use gatewright::http::Clock;
use gatewright::lang::expr::Secret;
use gatewright::policy::auth;
use gatewright::policy::build::Purpose;
use gatewright::policy::{BuildError, Secrets};
use gatewright::server::Server;
use gatewright::server::metrics::Metrics;
use gatewright::upstream::transport::Tcp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;

/// A gateway to be.
pub struct Setup {
    text: String,
    secrets: BTreeMap<String, String>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Setup {
    /// Puts an origin's address in the place of `{name}`.
    pub fn origin(self, name: &str, origin: &Origin) -> Self {
        let address = origin.address().to_string();
        self.replace(&format!("{{{name}}}"), &address)
    }

    /// Puts other words in the place of some; they must be there.
    #[track_caller]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        assert!(self.text.contains(from), "`{from}` is not in the policy");
        self.text = self.text.replace(from, to);
        self
    }

    /// Sets the environment variable, or the file, of a name.
    pub fn secret(mut self, name: &str, value: impl Into<String>) -> Self {
        self.secrets.insert(name.to_owned(), value.into());
        self
    }

    /// Has it believe services that an authority signed, in PEM.
    pub fn trusting(mut self, authority: &str) -> Self {
        self.authorities.push(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap());
        self
    }

    /// Starts it; what was printed by the checker is shown when that fails.
    #[track_caller]
    pub fn start(self) -> Gate {
        auth::install_crypto();
        let mut compiler = Compiler::with(Arc::new(Network::new(move || self.authorities)), "here");
        let plan = compile(&mut compiler, &self.text, &Known(self.secrets));
        let events = compiler.events().listen();
        let server = Server::start(plan, Tcp::default, std::io::sink()).unwrap();
        Gate { server: Some(server), events }
    }
}

#[track_caller]
fn compile(compiler: &mut Compiler, text: &str, secrets: &Known) -> Plan {
    let checked = check::check(Path::new("test.gate"), &Text(text), &Options::default()).unwrap();
    let Some(program) = checked.program else {
        let found = checked.report.into_sorted();
        panic!("{}", gatewright::diag::render::render(gatewright::diag::render::Format::Plain, &checked.sources, &found));
    };
    match compiler.compile(&program, secrets, Clock::system()) {
        Ok(compiled) => compiled.plan,
        Err(errors) => panic!("{errors:?}"),
    }
}

struct Text<'a>(&'a str);

impl Files for Text<'_> {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.0.as_bytes().to_vec())
    }
}

struct Known(BTreeMap<String, String>);

impl Secrets for Known {
    fn secret(&self, secret: &Secret, _: Purpose<'_>) -> Result<String, BuildError> {
        let (Secret::Env(name) | Secret::File(name)) = secret;
        self.0.get(name).cloned().ok_or_else(|| BuildError::unset(name.clone()))
    }
}

/// A running gateway. It is drained when it is dropped.
pub struct Gate {
    server: Option<Server>,
    events: Receiver<Arc<Event>>,
}

impl Gate {
    /// A gateway from the text of a policy that listens on `127.0.0.1:0`.
    pub fn source(text: impl Into<String>) -> Setup {
        Setup { text: text.into(), secrets: BTreeMap::new(), authorities: Vec::new() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().addresses()[0].tcp().unwrap()
    }

    /// What it counts.
    pub fn metrics(&self) -> Metrics {
        self.server.as_ref().unwrap().metrics()
    }

    /// What has happened to it since the last look, of one kind; what was of another is forgotten.
    pub fn events(&mut self, kind: Kind) -> Vec<Change> {
        let told = std::iter::from_fn(|| self.events.try_recv().ok());
        told.filter(|event| event.kind() == kind).map(|event| event.change).collect()
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// A request to it.
    pub fn ask(&self, method: &str, target: &str) -> Ask {
        Ask::new(self.address(), method, target)
    }

    /// A GET request to it.
    pub fn get(&self, target: &str) -> Ask {
        self.ask("GET", target)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(server) = self.server.take()
            && !std::thread::panicking()
        {
            server.shutdown().unwrap();
        }
    }
}

/// A token signed with HS256, an hour from its end.
pub fn token(secret: &str, claims: &serde_json::Value) -> String {
    auth::install_crypto();
    let mut claims = claims.clone();
    claims["exp"] = (jsonwebtoken::get_current_timestamp() + 3600).into();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// A line of a `users` file.
pub fn password_line(name: &str, password: &str) -> String {
    format!("{name}:{}", auth::hash_password(password).unwrap())
}

/// A line of a `keys` file.
pub fn key_line(name: &str, key: &str, attributes: &str) -> String {
    format!("{name} {} {attributes}", auth::hash_key(key))
}
