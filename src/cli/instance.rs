//! What this machine is called: which of several gateways tells something, where nobody says otherwise.

/// Its name. In a container that is the container's, in Kubernetes the pod's.
#[must_use]
pub fn of_machine() -> String {
    let known = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    known.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
