//! Names and passwords (RFC 7617), held against htpasswd lines with argon2id or bcrypt.
//!
//! A check costs tens of milliseconds of CPU on purpose. So it never runs on the event loop, only a few run at once, a bounded
//! number wait, and a password that was right is remembered for a minute, as a salted hash. An unknown name costs a check, too.

use crate::http::{Attribute, Identity};
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

/// Most checks at once for one auth.
const CHECKS_MAX: usize = 4;
/// Most checks that run or wait; more are a 503.
const WAITING_MAX: usize = 64;
/// How long a right password is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Longest name and longest password, in bytes.
const BYTES_MAX: usize = 1024;
/// Most users of one auth.
const USERS_MAX: usize = 100_000;

/// The users of one auth.
pub struct Passwords {
    auth: u16,
    hashes: HashMap<String, Arc<str>>,
    /// Checked for unknown names, so that they take as long as known ones.
    decoy: Option<Arc<str>>,
    salt: [u8; 32],
    /// The last right password of each user; never more than there are users.
    remembered: Mutex<HashMap<String, Remembered>>,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

struct Remembered {
    digest: [u8; 32],
    until: Duration,
    identity: Arc<Identity>,
}

/// What a name and a password are worth.
pub enum Answer {
    /// They belong together.
    Known(Arc<Identity>),
    /// They do not.
    Wrong,
    /// Too many checks are waiting.
    Busy,
}

impl Passwords {
    /// Reads lines `NAME:HASH`; `#` begins a comment.
    ///
    /// # Errors
    /// The number of the first bad line, from 1, and what is wrong with it; never the hash.
    pub fn new(auth: u16, text: &str) -> Result<Self, String> {
        let mut hashes: HashMap<String, Arc<str>> = HashMap::new();
        let mut decoy = None;
        for (number, line) in (1_usize..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, hash) = line.split_once(':').ok_or_else(|| format!("line {number}: `NAME:HASH` is expected"))?;
            let hash: Arc<str> = hash.into();
            if !is_supported(&hash) {
                return Err(format!("line {number}: the hash of `{name}` is neither argon2id nor bcrypt"));
            }
            decoy.get_or_insert_with(|| hash.clone());
            if hashes.insert(name.to_owned(), hash).is_some() {
                return Err(format!("line {number}: `{name}` stands there twice"));
            }
            if hashes.len() > USERS_MAX {
                return Err(format!("line {number}: more than {USERS_MAX} users"));
            }
        }
        Ok(Self {
            auth,
            hashes,
            decoy,
            salt: salt(),
            remembered: Mutex::new(HashMap::new()),
            permits: Arc::new(Semaphore::new(CHECKS_MAX)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// The answer, if it is remembered or needs no check.
    pub fn at_once(&self, name: &str, password: &str, now: Duration) -> Option<Answer> {
        if name.len() > BYTES_MAX || password.len() > BYTES_MAX {
            return Some(Answer::Wrong);
        }
        let digest = self.digest(name, password);
        let remembered = self.remembered.lock();
        if let Some(found) = remembered.get(name)
            && bool::from(found.digest.ct_eq(&digest))
            && now < found.until
        {
            return Some(Answer::Known(found.identity.clone()));
        }
        self.decoy.is_none().then_some(Answer::Wrong)
    }

    /// The answer after a check on another thread.
    pub async fn check(self: Arc<Self>, name: String, password: String, now: Duration) -> Answer {
        let Some(_waiting) = Waiting::enter(&self.waiting) else { return Answer::Busy };
        let Ok(permit) = self.permits.clone().acquire_owned().await else { return Answer::Busy };
        let known = self.hashes.get(&name);
        let (hash, is_known) = (known.or(self.decoy.as_ref()).cloned(), known.is_some());
        let Some(hash) = hash else { return Answer::Wrong };
        let digest = self.digest(&name, &password);
        let right = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            verify(&password, &hash)
        });
        if !(matches!(right.await, Ok(true)) && is_known) {
            return Answer::Wrong;
        }
        Answer::Known(self.remember(name, digest, now.saturating_add(REMEMBERED)))
    }

    /// Makes a user known under a password without hashing it, for `gate test`.
    pub fn admit(&self, name: &str, password: &str) {
        self.remember(name.to_owned(), self.digest(name, password), Duration::MAX);
    }

    fn remember(&self, name: String, digest: [u8; 32], until: Duration) -> Arc<Identity> {
        let identity = Arc::new(Identity { auth: self.auth, attributes: Box::new([Attribute::Text(name.as_str().into())]) });
        self.remembered.lock().insert(name, Remembered { digest, until, identity: identity.clone() });
        identity
    }

    fn digest(&self, name: &str, password: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.salt)
            .chain_update((name.len() as u64).to_be_bytes())
            .chain_update(name.as_bytes())
            .chain_update(password.as_bytes())
            .finalize()
            .into()
    }
}

/// A place among the checks that run or wait.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn enter(count: &'w AtomicUsize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes from the operating system, by way of the hasher's own keys.
fn salt() -> [u8; 32] {
    let mut salt = [0; 32];
    for chunk in salt.chunks_mut(8) {
        chunk.copy_from_slice(&RandomState::new().build_hasher().finish().to_be_bytes());
    }
    salt
}

fn is_supported(hash: &str) -> bool {
    if hash.starts_with("$argon2id$") {
        return PasswordHash::new(hash).is_ok();
    }
    ["$2y$", "$2b$", "$2a$"].iter().any(|prefix| hash.starts_with(prefix)) && hash.parse::<bcrypt::HashParts>().is_ok()
}

fn verify(password: &str, hash: &str) -> bool {
    if hash.starts_with("$argon2id$") {
        return PasswordHash::new(hash).is_ok_and(|parsed| argon2::Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok());
    }
    bcrypt::verify(password, hash).unwrap_or(false)
}

/// The hash of a password as htpasswd lines have it: argon2id as a PHC string, with a salt of its own.
///
/// # Errors
/// When the operating system has no randomness.
pub fn hash_password(password: &str) -> Result<String, String> {
    use argon2::password_hash::PasswordHasher as _;
    argon2::Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| error.to_string())
}
