//! A gateway inside another program: a policy, hooks written in Rust, a server that is started and ended.
//!
//! What `gate run` does without its signals and its process; the program has both. Files and secrets are the machine's.

use crate::check::{Files, Options, check};
use crate::cli::certificates::Certificates;
use crate::cli::files::Disk;
use crate::cli::instance;
use crate::cli::secrets::Machine;
use crate::compile::{Compiled, Compiler, Plan};
use crate::diag::render::{Format, render};
use crate::fetch::Network;
use crate::hook::Hook;
use crate::http::{Address, Clock};
use crate::ir::Program;
use crate::policy::auth;
use crate::server::Server;
use crate::upstream::transport::Tcp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, io};

/// What a policy that is no file is called in findings.
const UNNAMED: &str = "policy.gate";

/// A gateway to be started.
pub struct Gateway {
    policy: Policy,
    options: Options,
    hooks: Vec<(String, Arc<dyn Hook>)>,
    log: Box<dyn io::Write + Send>,
}

/// Where the policy is.
enum Policy {
    File(PathBuf),
    Text(String),
}

impl Gateway {
    /// A gateway under the policy in a file; what it imports is looked for beside it.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Policy::File(path.into()))
    }

    /// A gateway under a policy.
    #[must_use]
    pub fn text(policy: impl Into<String>) -> Self {
        Self::new(Policy::Text(policy.into()))
    }

    fn new(policy: Policy) -> Self {
        Self { policy, options: Options::default(), hooks: Vec::new(), log: Box::new(io::stdout()) }
    }

    /// Sets a `param` of the policy, as `--set NAME=VALUE` does.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let params: &mut BTreeMap<_, _> = &mut self.options.params;
        params.insert(name.into(), value.into());
        self
    }

    /// Registers a hook under the name by which the policy declares it; it stands in for a service of that name as well.
    #[must_use]
    pub fn hook(mut self, name: impl Into<String>, hook: impl Hook + 'static) -> Self {
        self.hooks.push((name.into(), Arc::new(hook)));
        self
    }

    /// Writes the access log there instead of to standard output.
    #[must_use]
    pub fn log(mut self, log: impl io::Write + Send + 'static) -> Self {
        self.log = Box::new(log);
        self
    }

    /// Starts it: every listener accepts when this returns.
    ///
    /// # Errors
    /// When the policy has errors, something that it needs is not there, or an address cannot be had.
    pub fn start(self) -> Result<Running, Error> {
        let Self { policy, options, hooks, log } = self;
        auth::install_crypto();
        let mut compiler = Compiler::with(Arc::new(Network::new(|| Machine::strict().authorities())), &instance::of_machine());
        let names = hooks.iter().map(|(name, _)| name.clone()).collect();
        for (name, hook) in hooks {
            compiler.embed(name, hook);
        }
        let mut source = Source { policy, options, names, compiler, certificates: Certificates::default() };
        let plan = source.plan()?;
        let server = Server::start(plan, Tcp::default, log).map_err(|error| Error(error.to_string()))?;
        Ok(Running { server, source })
    }
}

/// What plans are made of.
struct Source {
    policy: Policy,
    options: Options,
    /// The hooks that are registered.
    names: Vec<String>,
    compiler: Compiler,
    certificates: Certificates,
}

impl Source {
    fn plan(&mut self) -> Result<Plan, Error> {
        let program = self.program()?;
        if program.gateway.listeners.is_empty() {
            return Err(Error("the policy says nowhere to listen: add `gateway { listen :8080 }`".to_owned()));
        }
        if program.gateway.admin.is_some() {
            return Err(Error("the policy has an `admin` listener, which only `gate run` serves: leave it out".to_owned()));
        }
        let stray = self.names.iter().find(|name| program.hooks.iter().all(|hook| hook.name != **name));
        if let Some(name) = stray {
            return Err(Error(format!("a hook is registered under the name `{name}`, and the policy declares none of that name")));
        }
        let machine = Machine::strict();
        let compiled = self.compiler.compile(&program, &machine, Clock::system()).and_then(|mut compiled| {
            let prepared = self.certificates.prepare(&program, &mut compiled.plan, &machine)?;
            Ok((compiled, prepared))
        });
        let (Compiled { plan, warnings, .. }, prepared) =
            compiled.map_err(|errors| Error(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        for warning in &warnings {
            tracing::warn!(code = %warning.code, "{}", warning.message);
        }
        self.certificates.install(prepared);
        Ok(plan)
    }

    fn program(&self) -> Result<Program, Error> {
        let checked = match &self.policy {
            Policy::File(path) => check(path, &Disk, &self.options),
            Policy::Text(text) => check(Path::new(UNNAMED), &Unnamed(text), &self.options),
        };
        let checked = checked.map_err(|error| Error(error.to_string()))?;
        let (sources, found) = (checked.sources, checked.report.into_sorted());
        checked.program.ok_or_else(|| Error(render(Format::Plain, &sources, &found)))
    }
}

/// The policy that is no file, and the machine's files for what it imports.
struct Unnamed<'t>(&'t str);

impl Files for Unnamed<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(UNNAMED) { Ok(self.0.as_bytes().to_vec()) } else { Disk.read(path) }
    }
}

/// A running gateway.
pub struct Running {
    server: Server,
    source: Source,
}

impl Running {
    /// Where it listens, in the order of the policy's listeners.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.server.addresses()
    }

    /// Reads the policy again and puts it in force; requests under way keep the old one.
    ///
    /// # Errors
    /// Those of [`Gateway::start`]; the old policy then stays.
    pub fn reload(&mut self) -> Result<(), Error> {
        let plan = self.source.plan()?;
        self.server.swap(plan).map_err(|error| Error(error.to_string()))?;
        Ok(())
    }

    /// Stops accepting, lets what runs finish within the policy's `drain`, and ends: how many connections had to be cut.
    ///
    /// # Errors
    /// When a worker failed.
    pub fn shutdown(self) -> io::Result<usize> {
        self.server.shutdown()
    }
}

/// Why a gateway does not start: findings as `gate check --format plain` prints them, or what is missing, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
