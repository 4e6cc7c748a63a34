//! Presets: settings that belong together, a layer just above the defaults.
//!
//! None of them touches what Eventwright promises: every record is acknowledged by all replicas in sync and written once, and an
//! offset is committed after its record is handled.

use std::fmt;
use std::str::FromStr;

use super::sources::{self, Layer};
use super::{Origin, Settings, assemble};

/// What a service is tuned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// Many records a second: larger batches in both directions, more records held and handled at once.
    HighThroughput,
    /// Outages are sat out for longer, what is read is checked, and a crash repeats less.
    HighReliability,
    /// Little time between `send` and the handler: nothing waits for company.
    LowLatency,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HighThroughput, Self::HighReliability, Self::LowLatency];

    /// Returns what settings call it: `high-throughput`, `high-reliability` or `low-latency`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HighThroughput => "high-throughput",
            Self::HighReliability => "high-reliability",
            Self::LowLatency => "low-latency",
        }
    }

    /// Returns the keys that it sets, and what to; the README's table says the same.
    #[must_use]
    pub fn values(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::HighThroughput => &[
                ("consumer.workers", "20"),
                ("consumer.buffer_records", "4096"),
                ("kafka.linger.ms", "50"),
                ("kafka.fetch.min.bytes", "65536"),
                // How long the broker waits for so many bytes: a quiet topic is not to be late by librdkafka's 500 ms.
                ("kafka.fetch.wait.max.ms", "100"),
                ("kafka.fetch.max.bytes", "52428800"),
                ("kafka.max.partition.fetch.bytes", "4194304"),
                ("kafka.queued.max.messages.kbytes", "65536"),
            ],
            Self::HighReliability => &[
                ("producer.delivery_timeout_ms", "5m"),
                ("consumer.commit_interval_ms", "200ms"),
                ("consumer.shutdown_timeout_ms", "30s"),
                ("kafka.check.crcs", "true"),
            ],
            Self::LowLatency => &[
                ("consumer.workers", "10"),
                ("kafka.linger.ms", "0"),
                ("kafka.compression.type", "none"),
                ("kafka.fetch.min.bytes", "1"),
            ],
        }
    }

    pub(super) fn layer(self) -> Layer {
        let values = self.values().iter().map(|(key, value)| (sources::key_path(key), (*value).to_owned()));
        Layer::new(Origin::Preset(self), sources::nested(values))
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(|preset| format!("`{preset}`")).join(", ");
            format!("there is no preset `{name}`; help: expected one of {names}")
        })
    }
}

impl Settings {
    /// Sets what a preset sets, wherever the value is still the default: what was read from a file or from the environment, or
    /// set before, stays.
    #[must_use]
    pub fn with_preset(mut self, preset: Preset) -> Self {
        let values = assemble::settings(&[preset.layer()]).expect("a test reads every preset");
        let default = Self::default();
        for (key, value) in values.kafka {
            self.kafka.entry(key).or_insert(value);
        }
        let (ours, theirs, unset) = (&mut self.producer, values.producer, default.producer);
        adopt(&mut ours.delivery_timeout, theirs.delivery_timeout, &unset.delivery_timeout);
        let (ours, theirs, unset) = (&mut self.consumer, values.consumer, default.consumer);
        adopt(&mut ours.workers, theirs.workers, &unset.workers);
        adopt(&mut ours.buffer_records, theirs.buffer_records, &unset.buffer_records);
        adopt(&mut ours.commit_interval, theirs.commit_interval, &unset.commit_interval);
        adopt(&mut ours.shutdown_timeout, theirs.shutdown_timeout, &unset.shutdown_timeout);
        self
    }
}

fn adopt<T: PartialEq>(field: &mut T, value: T, default: &T) {
    if field == default {
        *field = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_code_a_preset_sets_what_it_sets_as_a_layer() {
        for preset in Preset::ALL {
            let layer = assemble::settings(&[preset.layer()]).unwrap();
            assert_eq!(Settings::default().with_preset(preset), layer, "{preset}");
            assert_ne!(layer, Settings::default(), "{preset}");
            assert_eq!(preset.name().parse(), Ok(preset));
        }
    }

    #[test]
    fn what_was_set_before_stays() {
        let mut settings = Settings::default().with_kafka("linger.ms", "7");
        settings.consumer.workers = Some(3);
        let settings = settings.with_preset(Preset::LowLatency);
        assert_eq!((settings.kafka["linger.ms"].as_str(), settings.consumer.workers), ("7", Some(3)));
    }

    #[test]
    fn no_preset_touches_what_is_promised() {
        for preset in Preset::ALL {
            // `check` refuses raw settings that promises rest on.
            Settings::default().with_preset(preset).check().unwrap();
        }
    }

    #[test]
    fn librdkafka_knows_what_presets_set() {
        for preset in Preset::ALL {
            let config = Settings::default().with_preset(preset).kafka_config(&[]);
            config.create_native_config().unwrap_or_else(|error| panic!("{preset}: {error}"));
        }
    }
}
