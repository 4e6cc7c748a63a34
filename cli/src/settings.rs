//! The settings of a command: what the environment and files say, and above it the options of the command line.

use eventwright::Settings;

use crate::args::{BrokerOptions, Connection, RegistryOptions};
use crate::exit::Failure;

/// Returns the settings, options first.
///
/// # Errors
/// A file or a variable that cannot be used, or an option that is ours to set.
pub(crate) fn load(options: &Connection) -> anyhow::Result<Settings> {
    let mut settings = match &options.config {
        Some(file) => Settings::load_with(file)?,
        None => Settings::load()?,
    };
    if let Some(bootstrap) = &options.bootstrap {
        settings.bootstrap.clone_from(bootstrap);
    }
    if let Some(registry) = &options.registry {
        settings.registry.url.clone_from(registry);
    }
    for setting in &options.kafka {
        if let Some(reason) = reason_for_owning(&setting.key) {
            return Err(Failure::usage(format!("`--kafka {}` cannot be set: {reason}", setting.key)));
        }
        settings = settings.with_kafka(&setting.key, &setting.value);
    }
    if settings.bootstrap.trim().is_empty() {
        return Err(Failure::usage("the bootstrap address is empty; help: name a broker, such as 127.0.0.1:9092"));
    }
    Ok(settings)
}

/// Returns the settings of a command that needs no broker.
///
/// # Errors
/// A file or a variable that cannot be used.
pub(crate) fn of_registry(options: &RegistryOptions) -> anyhow::Result<Settings> {
    let RegistryOptions { registry, config } = options;
    let (registry, config) = (registry.clone(), config.clone());
    load(&Connection { bootstrap: None, registry, config, kafka: Vec::new() })
}

/// Returns the settings of a command that needs no registry.
///
/// # Errors
/// A file or a variable that cannot be used, or an option that is ours to set.
pub(crate) fn of_broker(options: &BrokerOptions) -> anyhow::Result<Settings> {
    let BrokerOptions { bootstrap, config, kafka } = options;
    load(&Connection { bootstrap: bootstrap.clone(), registry: None, config: config.clone(), kafka: kafka.clone() })
}

/// Returns why a setting of librdkafka is ours, if it is.
fn reason_for_owning(key: &str) -> Option<&'static str> {
    Some(match key {
        "bootstrap.servers" | "metadata.broker.list" => "the address is that of --bootstrap",
        "group.id" | "enable.auto.commit" | "enable.auto.offset.store" => "no group is joined and nothing is committed",
        "auto.offset.reset" => "the start is that of --from",
        "enable.idempotence" | "acks" | "request.required.acks" | "transactional.id" => {
            "every record is written once and acknowledged by all replicas in sync"
        }
        "enable.partition.eof" | "log.queue" | "opaque" => "the command relies on its own value",
        _ => return None,
    })
}
