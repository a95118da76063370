//! Config: the `uptime-ledger.toml` that runs the sample.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::Trouble;
use crate::sample::SampleSettings;
use crate::sample::traffic::stories::{
    COMPONENTS, MAX_GAP_MINUTES, MIN_EVENTS, MIN_RUN_MINUTES, REGIONS, SERVICES, UNABLE_PERCENT,
};

const ENDPOINTS: [&str; SERVICES.len()] = [
    r#"["/{id}/messages"]"#,
    r#"["/{id}/media"]"#,
    r#"["/{id}/message_templates", "/{id}/phone_numbers"]"#,
    "[]",
];

/// Targets of the components in percent; a component may have none.
const TARGETS: [Option<&str>; COMPONENTS.len()] = [Some("99.9"), None];

/// Writes the config of a sample into `out`.
pub fn write(out: &Path, settings: &SampleSettings) -> Result<(), Trouble> {
    let path = out.join("uptime-ledger.toml");
    fs::write(&path, text(settings)).map_err(|e| Trouble::io(&path, "writing the config", e))
}

fn text(settings: &SampleSettings) -> String {
    let extension = settings.extension();
    // Several files of a day and region are in a folder, so that `{region}` is the region alone.
    let webhooks = if settings.files > 1 { "/*" } else { "" };
    let quoted = |names: &[&str]| names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ");
    let mut toml = format!(
        r#"# The books of a sample: made by `uptime-ledger sample`, with the right answer in truth.json.

reports = "reports"
salt = "the salt of the sample"
slot = "1m"
regions = [{regions}]

# The platform's first layer: one row per call that reached it.
[[source]]
name = "requests"
paths = ["logs/requests-{{date}}-*.{extension}"]
preset = "canonical"
vantage = "first_layer"
time_basis = "start"
neighbours = 1

# A proxy on the callers' side: calls that never got an answer.
[[source]]
name = "egress"
paths = ["logs/egress-{{date}}.{extension}"]
preset = "canonical"
vantage = "caller_egress"
time_basis = "start"
neighbours = 1

# The platform's proxy towards the businesses' endpoints: one row per attempt to deliver a notification.
[[source]]
name = "webhooks"
log = "webhooks"
paths = ["logs/webhooks-{{date}}-{{region}}{webhooks}.{extension}"]
preset = "canonical"
vantage = "webhook_egress"
neighbours = 1

[webhooks]
first_status_minutes = 10
first_attempt_minutes = 10
retry_days = 7
max_retry_pause_hours = 24
success = "2xx"
"#,
        regions = quoted(&REGIONS),
    );
    // Writing to a String cannot fail.
    for (name, endpoints) in SERVICES.iter().zip(ENDPOINTS) {
        let _ = write!(toml, "\n[[service]]\nname = \"{name}\"\nendpoints = {endpoints}\n");
    }
    for ((name, services), target) in COMPONENTS.into_iter().zip(TARGETS) {
        let services: Vec<&str> = services.iter().map(|service| SERVICES[*service]).collect();
        let _ = write!(toml, "\n[[component]]\nname = \"{name}\"\nservices = [{}]\n", quoted(&services));
        if let Some(percent) = target {
            let _ = writeln!(toml, "target_percent = {percent}");
        }
    }
    let _ = write!(
        toml,
        "\n[definition]\nunable_ratio = {:.1}\nmin_events = {MIN_EVENTS}\nmin_run_minutes = {MIN_RUN_MINUTES}\n\
         max_gap_minutes = {MAX_GAP_MINUTES}\n",
        UNABLE_PERCENT as f64 / 100.0
    );
    toml
}
