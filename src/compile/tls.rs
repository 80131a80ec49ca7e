//! What a listener shows its clients: certificates by the name they ask for, and whose certificates it takes.

use crate::diag::Code;
use crate::http::certificate::{Certificate, Name};
use crate::ir::operate::{self, TlsVersion};
use crate::policy::build::Purpose;
use crate::policy::{BuildError, Secrets};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion, version};
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// HTTP/2 as ALPN names it.
pub const ALPN_HTTP2: &[u8] = b"h2";
const ALPN_HTTP1: &[u8] = b"http/1.1";

/// TLS of one listener, ready for handshakes.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

impl Tls {
    /// What a handshake runs under.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The names of the certificate that a client was shown who asked for a name.
    #[must_use]
    pub fn names(&self, asked: Option<&str>) -> Arc<Names> {
        self.shown.choose(asked, |_| true).map(|one| Arc::clone(&one.names)).unwrap_or_default()
    }
}

/// The names that a certificate speaks for.
#[derive(Debug, Default)]
pub struct Names {
    exact: HashSet<Arc<str>>,
    /// `x` of `*.x`
    above: HashSet<Arc<str>>,
}

impl Names {
    fn of(declared: &str, certificate: &Certificate) -> Self {
        let mut names = Self::default();
        names.add(declared);
        for name in &certificate.names {
            if let Name::Dns(name) = name {
                names.add(name);
            }
        }
        names
    }

    fn add(&mut self, name: &str) {
        match name.strip_prefix("*.") {
            Some(above) => self.above.insert(above.into()),
            None => self.exact.insert(name.into()),
        };
    }

    /// True when the certificate speaks for a host, which is in lower case. Of addresses nothing is said: no client asks for a
    /// certificate by them.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.exact.contains(host) || self.covers_below(host) || host.starts_with('[') || host.parse::<IpAddr>().is_ok()
    }

    /// A star stands for one label (RFC 9525 §6.3).
    fn covers_below(&self, host: &str) -> bool {
        host.split_once('.').is_some_and(|(label, above)| !label.is_empty() && self.above.contains(above))
    }
}

/// The certificates of a listener, in the order of the policy.
#[derive(Debug)]
struct Shown(Vec<One>);

#[derive(Debug)]
struct One {
    names: Arc<Names>,
    key: Arc<CertifiedKey>,
}

impl Shown {
    /// The first certificate with exactly the name, else the first with a star in its place, else the first of all.
    fn choose(&self, asked: Option<&str>, fits: impl Fn(&One) -> bool) -> Option<&One> {
        let host = asked.map(str::to_ascii_lowercase);
        let by = |covers: &dyn Fn(&Names, &str) -> bool| {
            let host = host.as_deref()?;
            self.0.iter().find(|one| covers(&one.names, host) && fits(one))
        };
        by(&|names, host| names.exact.contains(host))
            .or_else(|| by(&Names::covers_below))
            .or_else(|| self.0.iter().find(|one| fits(one)))
            .or_else(|| self.0.first())
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes: &[SignatureScheme] = hello.signature_schemes();
        let one = self.choose(hello.server_name(), |one| one.key.key.choose_scheme(schemes).is_some())?;
        Some(Arc::clone(&one.key))
    }
}

/// What the machine has for a listener: texts in PEM.
#[derive(PartialEq, Eq)]
pub struct Material {
    pairs: Vec<(String, String)>,
    client_ca: Option<String>,
}

impl fmt::Debug for Material {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Material({} pairs)", self.pairs.len())
    }
}

fn missing(message: impl Into<String>) -> BuildError {
    BuildError::new(Code::TlsCertMissing, message)
}

impl Material {
    /// Reads what a listener needs.
    ///
    /// # Errors
    /// Everything that is not there.
    pub fn read(tls: &operate::Tls, secrets: &dyn Secrets) -> Result<Self, Vec<BuildError>> {
        let read = |what: &str, secret| {
            let named = |error: BuildError| missing(format!("the {what}: {}", error.message)).of(secret);
            secrets.secret(secret, Purpose::Certificate).map_err(named)
        };
        let mut errors = Vec::new();
        let mut pairs = Vec::with_capacity(tls.certificates.len());
        for declared in &tls.certificates {
            let cert = read(&format!("certificate of `{}`", declared.host), &declared.cert);
            let key = read(&format!("key of `{}`", declared.host), &declared.key);
            match (cert, key) {
                (Ok(cert), Ok(key)) => pairs.push((cert, key)),
                (cert, key) => match secrets.certificate(&declared.host) {
                    Some(pair) => pairs.push(pair),
                    None => errors.extend(cert.err().into_iter().chain(key.err())),
                },
            }
        }
        let client_ca = tls.client_ca.as_ref().map(|ca| read("certificates of `client_ca`", &ca.file));
        let client_ca = client_ca.transpose().unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        if errors.is_empty() { Ok(Self { pairs, client_ca }) } else { Err(errors) }
    }

    /// What handshakes run under.
    ///
    /// # Errors
    /// When texts are no certificate or key, or a key is not its certificate's: each that is not.
    pub fn build(&self, tls: &operate::Tls) -> Result<Tls, Vec<BuildError>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut errors = Vec::new();
        let mut shown = Vec::with_capacity(self.pairs.len());
        for (declared, pair) in tls.certificates.iter().zip(&self.pairs) {
            match one(&declared.host, pair, &provider) {
                Ok(one) => shown.push(one),
                Err(error) => errors.push(error.of(&declared.cert)),
            }
        }
        let believed = match (&self.client_ca, &tls.client_ca) {
            (Some(pem), Some(declared)) => match roots(pem) {
                Ok(roots) => Some((roots, declared.optional)),
                Err(error) => {
                    errors.push(error.of(&declared.file));
                    None
                }
            },
            (Some(_) | None, _) => None,
        };
        if errors.is_empty() { config(tls, Shown(shown), believed, provider).map_err(|error| vec![error]) } else { Err(errors) }
    }
}

/// What handshakes run under when all that it takes is sound.
fn config(
    tls: &operate::Tls,
    shown: Shown,
    believed: Option<(RootCertStore, bool)>,
    provider: Arc<CryptoProvider>,
) -> Result<Tls, BuildError> {
    let shown = Arc::new(shown);
    let versions: &[&SupportedProtocolVersion] = match tls.min_version {
        TlsVersion::Tls12 => &[&version::TLS13, &version::TLS12],
        TlsVersion::Tls13 => &[&version::TLS13],
    };
    let failed = |error: &dyn fmt::Display| missing(format!("TLS cannot be set up: {error}"));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).map_err(|error| failed(&error))?;
    let builder = match believed {
        Some((roots, optional)) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| failed(&error))?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec()];
    if tls.resumption {
        // The client keeps the session, under a key that changes: nothing is stored here for clients that do not return.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(|error| failed(&error))?;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Tls { config: Arc::new(config), shown })
}

fn one(host: &str, (cert, key): &(String, String), provider: &CryptoProvider) -> Result<One, BuildError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| missing(format!("the certificate of `{host}` is no PEM: {error}")))?;
    let Some(first) = chain.first() else {
        return Err(missing(format!("there is no certificate in the file for `{host}`")));
    };
    let names = Arc::new(Names::of(host, &Certificate::read(first)));
    // The parser's own words could quote the key.
    let key =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| missing(format!("the key of `{host}` is no private key in PEM")))?;
    let key = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| missing(format!("the certificate of `{host}` and its key do not go together: {error}")))?;
    Ok(One { names, key: Arc::new(key) })
}

fn roots(pem: &str) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| missing(format!("`client_ca` is no PEM: {error}")))?;
        roots.add(certificate).map_err(|error| missing(format!("`client_ca` holds what is no certificate: {error}")))?;
    }
    if roots.is_empty() { Err(missing("there is no certificate in the file of `client_ca`")) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::{Certificate, Material, Names};
    use crate::diag::Code;
    use crate::ir::operate;
    use crate::lang::expr::Secret;

    fn declared(hosts: &[&str]) -> operate::Tls {
        let file = |name: String| Secret::File(name);
        operate::Tls {
            certificates: hosts
                .iter()
                .map(|host| operate::Certificate {
                    host: (*host).to_owned(),
                    cert: file(format!("{host}.crt")),
                    key: file(format!("{host}.key")),
                })
                .collect(),
            min_version: operate::TlsVersion::Tls12,
            client_ca: None,
            resumption: true,
        }
    }

    fn pair(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn an_exact_name_goes_before_a_star_and_the_first_stands_in_for_the_rest() {
        let hosts = ["a.example", "*.shop.example", "pay.shop.example"];
        let material = Material { pairs: hosts.iter().map(|host| pair(&[host])).collect(), client_ca: None };
        let tls = material.build(&declared(&hosts)).unwrap();
        for (asked, shown) in [
            (Some("pay.shop.example"), "pay.shop.example"),
            (Some("PAY.shop.example"), "pay.shop.example"),
            (Some("www.shop.example"), "www.shop.example"),
            (Some("unknown.example"), "a.example"),
            (Some("a.b.shop.example"), "a.example"),
            (None, "a.example"),
        ] {
            assert!(tls.names(asked).covers(shown), "{asked:?}");
        }
        assert!(!tls.names(Some("pay.shop.example")).covers("www.shop.example"));
    }

    #[test]
    fn a_star_covers_one_label_and_addresses_are_not_judged() {
        let names = Names::of("*.shop.example", &Certificate::default());
        assert!(names.covers("a.shop.example") && names.covers("192.0.2.1") && names.covers("[::1]"));
        assert!(!names.covers("shop.example") && !names.covers("a.b.shop.example") && !names.covers(".shop.example"));
    }

    #[test]
    fn what_is_no_pair_is_said_without_the_key() {
        let ((cert, key), (_, other)) = (pair(&["a.example"]), pair(&["a.example"]));
        for (broken, part) in [
            ((cert.clone(), other), "do not go together"),
            ((String::new(), key.clone()), "there is no certificate"),
            ((cert.clone(), "secret words".to_owned()), "no private key"),
            ((key, cert), "there is no certificate"),
        ] {
            let material = Material { pairs: vec![broken], client_ca: None };
            let errors = material.build(&declared(&["a.example"])).unwrap_err();
            let [error] = errors.as_slice() else { panic!("{errors:?}") };
            assert_eq!(error.code, Code::TlsCertMissing);
            assert!(error.message.contains(part) && !error.message.contains("secret words"), "{}", error.message);
        }
    }
}
