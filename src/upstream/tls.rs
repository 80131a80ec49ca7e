//! TLS towards upstreams: whose certificates are believed, and who the gateway says it is. Verification has no switch.

use crate::http::{Fault, FaultKind};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// HTTP/2 and HTTP/1.1 as ALPN names them.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The certificate of an authority, in DER.
pub type Authority = CertificateDer<'static>;

/// What the machine has for an upstream: texts in PEM.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Material {
    /// The authorities that are believed instead of the machine's.
    pub ca: Option<String>,
    /// The gateway's own certificate, and its key.
    pub identity: Option<(String, String)>,
}

impl fmt::Debug for Material {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Material(ca: {}, identity: {})", self.ca.is_some(), self.identity.is_some())
    }
}

/// What handshakes with an upstream run under. Sessions are resumed where the upstream allows it.
pub struct Secure {
    config: Arc<ClientConfig>,
    number: u64,
}

impl fmt::Debug for Secure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Secure({})", self.number)
    }
}

/// The number of the next one; 0 stands for plain text.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Secure {
    /// Handshakes with what was read; `machine` are the authorities that the machine believes.
    ///
    /// # Errors
    /// When a text is no certificate or key, both do not go together, or nobody is believed.
    pub fn build(material: &Material, machine: &[Authority], http2: bool) -> Result<Self, String> {
        let roots = match &material.ca {
            Some(pem) => own_roots(pem)?,
            None => machine_roots(machine)?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let builder = builder.with_root_certificates(roots);
        let mut config = match &material.identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = certificates(cert, "cert")?;
                // The parser's own words could quote the key.
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| "`key` is no private key in PEM".to_owned())?;
                builder.with_client_auth_cert(chain, key).map_err(|error| format!("`cert` and `key` do not go together: {error}"))?
            }
        };
        config.alpn_protocols = vec![if http2 { HTTP2 } else { HTTP1 }.to_vec()];
        Ok(Self { config: Arc::new(config), number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// Tells connections that were made under this from all others.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Makes a connection one of TLS; the other side must prove to be `name`.
    ///
    /// # Errors
    /// When it does not, refuses the gateway's certificate, or does not speak HTTP/2 where that is wanted.
    pub async fn shake_hands(&self, stream: TcpStream, name: &str) -> Result<TlsStream<TcpStream>, Fault> {
        let fault = |cause: &dyn fmt::Display| Fault::new(FaultKind::ConnectError, format!("TLS with `{name}`: {cause}"));
        let server = ServerName::try_from(name.to_owned()).map_err(|error| fault(&error))?;
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(server, stream).await.map_err(|error| fault(&error))?;
        let wants_http2 = self.config.alpn_protocols.iter().any(|protocol| protocol == HTTP2);
        if wants_http2 && stream.get_ref().1.alpn_protocol() != Some(HTTP2) {
            return Err(fault(&"it does not speak HTTP/2"));
        }
        Ok(stream)
    }
}

fn certificates(pem: &str, of: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|error| format!("`{of}` is no PEM: {error}"))?;
    if found.is_empty() { Err(format!("there is no certificate in the file of `{of}`")) } else { Ok(found) }
}

fn own_roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "ca")? {
        roots.add(certificate).map_err(|error| format!("`ca` holds what is no certificate: {error}"))?;
    }
    Ok(roots)
}

/// A machine's authorities may be old and odd: those that cannot be read are left out.
fn machine_roots(machine: &[Authority]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(machine.iter().cloned());
    if added == 0 {
        return Err(
            "the machine believes no authority: install `ca-certificates`, or say whom to believe with `tls { ca file(\"…\") }`".to_owned()
        );
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::{Material, Secure};

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_does_not_go_together_is_said_without_the_key() {
        let ((cert, key), (_, other)) = (pair(), pair());
        let identity = |cert: &str, key: &str| Material { ca: Some(pair().0), identity: Some((cert.to_owned(), key.to_owned())) };
        for (material, part) in [
            (Material::default(), "believes no authority"),
            (Material { ca: Some(String::new()), identity: None }, "no certificate in the file of `ca`"),
            (identity(&cert, &other), "do not go together"),
            (identity(&cert, "secret words"), "no private key"),
            (identity("", &key), "no certificate in the file of `cert`"),
        ] {
            let error = Secure::build(&material, &[], false).unwrap_err();
            assert!(error.contains(part) && !error.contains("secret words"), "{error}");
        }
        assert!(Secure::build(&identity(&cert, &key), &[], true).is_ok());
    }
}
