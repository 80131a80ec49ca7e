//! The manifests for Kubernetes: what one names, another one or the policy has.

use crate::yaml::documents;
use crate::{at, is_taken, packaged, strings};
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The one document of a file.
fn manifest(file: &str) -> Value {
    let mut found = documents(&packaged(&format!("kubernetes/{file}")));
    assert_eq!(found.len(), 1, "{file}");
    found.remove(0)
}

/// The pod's template, and its container.
fn pod() -> (Value, Value) {
    let template = manifest("deployment.yaml")["spec"]["template"].take();
    let container = template["spec"]["containers"][0].clone();
    (template, container)
}

/// What the first group of a pattern finds in the policy.
fn of_policy(pattern: &str) -> BTreeSet<String> {
    let policy = packaged("kubernetes/policy.gate");
    Regex::new(pattern).unwrap().captures_iter(&policy).map(|found| found[1].to_owned()).collect()
}

/// The values of a member of each item.
fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

#[test]
fn every_manifest_is_listed_or_asks_for_what_not_every_cluster_has() {
    let kustomization = manifest("kustomization.yaml");
    let mut named: BTreeSet<String> = strings(&kustomization["resources"]).into_iter().map(str::to_owned).collect();
    named.extend(["adapter.yaml", "kustomization.yaml", "podmonitor.yaml", "policy.gate"].map(str::to_owned));
    let files = std::fs::read_dir(at("packaging/kubernetes")).unwrap();
    let there: BTreeSet<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(named, there);
    assert_eq!(kustomization["images"], json!([{ "name": "gatewright", "newTag": env!("CARGO_PKG_VERSION") }]));
    for file in named.iter().filter(|file| file.ends_with(".yaml")) {
        assert!(!manifest(file).is_null(), "{file}");
    }
}

#[test]
fn the_container_runs_a_command_that_there_is_on_the_policy_of_the_map() {
    let (template, container) = pod();
    let arguments = strings(&container["args"]);
    is_taken(["gate"].into_iter().chain(arguments.iter().copied()));
    assert!(arguments.contains(&"--watch"), "a change of the map is taken");
    let generator = &manifest("kustomization.yaml")["configMapGenerator"][0];
    assert_eq!(generator["files"], json!(["policy.gate"]));
    let volumes = template["spec"]["volumes"].as_array().unwrap().clone();
    let volume = volumes.iter().find(|volume| volume["configMap"]["name"] == generator["name"]).unwrap();
    let mounts = container["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == volume["name"]).unwrap();
    let policy = format!("{}/policy.gate", mount["mountPath"].as_str().unwrap());
    assert_eq!(arguments.last().copied(), Some(policy.as_str()));
    assert!(mount.get("subPath").is_none(), "what is mounted as a file never changes");
    assert_eq!(each(&template["spec"]["volumes"], "name"), each(&container["volumeMounts"], "name"));
}

#[test]
fn the_policy_finds_its_secrets_in_the_container() {
    let (_, container) = pod();
    let set: BTreeSet<String> = each(&container["env"], "name").into_iter().map(str::to_owned).collect();
    assert_eq!(of_policy(r#"env\("(.+?)"\)"#), set);
    let mounts = each(&container["volumeMounts"], "mountPath");
    let files = of_policy(r#"file\("(.+?)"\)"#);
    assert!(!files.is_empty() && files.iter().all(|file| mounts.iter().any(|mount| file.starts_with(&format!("{mount}/")))), "{files:?}");
}

#[test]
fn ports_are_those_at_which_the_policy_listens_and_names_lead_to_them() {
    let (_, container) = pod();
    let port = |name: &str| {
        let ports = container["ports"].as_array().unwrap();
        let port = ports.iter().find(|port| port["name"] == name).unwrap_or_else(|| panic!("no port `{name}`"));
        port["containerPort"].to_string()
    };
    assert_eq!(of_policy(r"listen :(\d+)"), BTreeSet::from([port("http"), port("https")]));
    assert_eq!(of_policy(r"admin 0\.0\.0\.0:(\d+)"), BTreeSet::from([port("admin")]));
    for probe in ["startupProbe", "readinessProbe"] {
        let asked = &container[probe]["httpGet"];
        assert_eq!((asked["path"].as_str(), asked["port"].as_str()), (Some("/admin/ready"), Some("admin")), "{probe}");
    }
    for port in manifest("service.yaml")["spec"]["ports"].as_array().unwrap() {
        assert_eq!(port["name"], port["targetPort"]);
    }
    let network = manifest("network.yaml");
    let ingress = network["spec"]["ingress"].as_array().unwrap();
    let open: Vec<&str> =
        ingress.iter().flat_map(|rule| rule["ports"].as_array().unwrap()).map(|port| port["port"].as_str().unwrap()).collect();
    assert_eq!(open, ["http", "https", "admin"]);
    assert!(ingress[1]["from"].is_array(), "not everybody administers");
}

#[test]
fn a_pod_that_ends_has_time_to_finish() {
    let (template, container) = pod();
    let waits = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let drain: u64 = of_policy(r"drain (\d+)s").first().unwrap().parse().unwrap();
    assert!(template["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap() > waits + drain);
}

#[test]
fn the_pod_passes_the_restricted_standard() {
    let (template, container) = pod();
    assert_eq!(template["spec"]["automountServiceAccountToken"], json!(false));
    assert_eq!(template["spec"]["securityContext"]["runAsNonRoot"], json!(true));
    assert_eq!(template["spec"]["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    let expected = json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } });
    assert_eq!(container["securityContext"], expected);
    assert_eq!(manifest("namespace.yaml")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

#[test]
fn whoever_selects_the_pods_selects_these() {
    let deployment = manifest("deployment.yaml");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&manifest("service.yaml")["spec"]["selector"], labels);
    assert_eq!(&manifest("disruption.yaml")["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&manifest("podmonitor.yaml")["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(&manifest("network.yaml")["spec"]["podSelector"]["matchLabels"], labels);
    let scaled = &manifest("autoscaling.yaml")["spec"]["scaleTargetRef"];
    assert_eq!((&scaled["kind"], &scaled["name"]), (&deployment["kind"], &deployment["metadata"]["name"]));
}

#[test]
fn the_autoscaler_asks_for_what_the_adapter_makes() {
    let scaler = manifest("autoscaling.yaml");
    let metrics = scaler["spec"]["metrics"].as_array().unwrap();
    let asked: Vec<&Value> =
        metrics.iter().filter(|metric| metric["type"] == "Pods").map(|metric| &metric["pods"]["metric"]["name"]).collect();
    let made = manifest("adapter.yaml");
    assert_eq!(asked, [&made["rules"]["custom"][0]["name"]["as"]]);
}
