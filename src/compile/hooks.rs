//! Declared hooks made ready to be asked, and put into the pipelines of the routes that use them.

use crate::diag::Code;
use crate::fetch::Fetch;
use crate::hook::{Barred, Hook, Service, Silent};
use crate::http::Credentials;
use crate::ir::{self, Program, operate};
use crate::policy::auth::{self, Kind, Remote};
use crate::policy::hooks::{After, Before, Called, Hooks, KIND, Set};
use crate::policy::stage::{Place, ReplyPlace};
use crate::policy::{Build, BuildError, Config, Registry, Secrets};
use http::HeaderName;
use std::collections::HashMap;
use std::sync::Arc;

/// The hooks of the program that the gateway is embedded in, by their names.
pub(super) type Embedded = HashMap<String, Arc<dyn Hook>>;

/// Every declared hook, the same one as before where its declaration did not change.
pub(super) fn called(
    program: &Program,
    credentials: &Credentials,
    embedded: &Embedded,
    (registry, secrets, fetch): (&mut Registry, &dyn Secrets, &Arc<dyn Fetch>),
    errors: &mut Vec<BuildError>,
) -> Vec<Arc<Called>> {
    let mut all = Vec::with_capacity(program.hooks.len());
    for declared in &program.hooks {
        let make = || {
            let hook = hook(declared, embedded.get(&declared.name), credentials, (secrets, fetch))?;
            Ok(Called::new(declared.name.clone(), declared.on.clone(), declared.timeout, declared.refuse, hook))
        };
        let key = format!("{declared:?} {credentials:?}");
        match registry.try_state(KIND, key, make) {
            Ok(called) => all.push(called),
            Err(error) => errors.push(error),
        }
    }
    all
}

/// Who is asked. One that is registered stands in for a service as well.
fn hook(
    declared: &operate::Hook,
    registered: Option<&Arc<dyn Hook>>,
    credentials: &Credentials,
    (secrets, fetch): (&dyn Secrets, &Arc<dyn Fetch>),
) -> Result<Arc<dyn Hook>, BuildError> {
    let name = &declared.name;
    let refused = |message: String| BuildError::new(Code::HookUnregistered, message);
    match (registered, &declared.url) {
        (Some(hook), _) => Ok(Arc::clone(hook)),
        (None, Some(url)) => {
            let hidden = if declared.forward { Credentials::default() } else { credentials.clone() };
            let service = Service::new(url, declared.timeout, hidden, Arc::clone(fetch));
            Ok(Arc::new(service.map_err(|why| refused(format!("hook `{name}`: the url `{url}` {why}")))?))
        }
        (None, None) if secrets.does_without_hooks() => Ok(Arc::new(Silent)),
        (None, None) => {
            Err(refused(format!("no hook is registered under the name `{name}`: the program that embeds the gateway does that")))
        }
    }
}

/// Puts the hooks of a route into its pipeline. Called when what shapes requests is in it.
pub(super) fn install(route: &ir::Route, program: &Program, all: &[Arc<Called>], build: &mut Build<'_>) {
    let called: Vec<Arc<Called>> = route.hooks.iter().filter_map(|index| all.get(usize::from(*index)).cloned()).collect();
    if called.is_empty() {
        return;
    }
    let id = program.gateway.request_id.clone();
    let request = Barred(std::iter::once(id.clone()).chain(own_fields(route, &program.auths)).collect());
    let hooks = Hooks::new(&route.name, called, request, Barred(vec![id]));
    build.on_request(Place::Hook, Before(Arc::clone(&hooks)));
    build.on_request(Place::Shape, Set);
    build.on_response(ReplyPlace::Hook, After(hooks));
}

/// The fields of the request that the policy itself vouches for on a route.
fn own_fields(route: &ir::Route, auths: &[auth::Declared]) -> Vec<HeaderName> {
    let lines = route.policies.iter().filter_map(|policy| match policy {
        Config::Shape(shape) => Some(shape.request.set.iter().chain(&shape.request.add)),
        _ => None,
    });
    let copied = route.auth().into_iter().flat_map(|auth| &auth.auths).filter_map(|index| match &auths.get(usize::from(*index))?.kind {
        Kind::Remote(Remote::Forward(forward)) => Some(&forward.copy),
        Kind::Remote(_) | Kind::Jwt(_) | Kind::Key(_) | Kind::Basic(_) => None,
    });
    let names = lines.flatten().map(|line| &line.name).chain(copied.flatten());
    names.filter_map(|name| HeaderName::try_from(name.as_str()).ok()).collect()
}
