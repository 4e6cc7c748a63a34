//! The topics of dead letters: records that cannot be handled, as they are, with the reason in headers.
//!
//! In: a record and why it failed. Out: a copy that the broker has acknowledged.

use eventwright_wire::RawRecord;
use rdkafka::error::RDKafkaErrorCode;

use crate::broker::{Admin, NewTopic};
use crate::copies::{Copies, History, Target};
use crate::error::Kind;
use crate::producer::Unsent;
use crate::{Error, Settings, topics};

/// Writes dead letters.
pub(crate) struct DeadLetters {
    copies: Copies,
    topic: Option<String>,
}

impl DeadLetters {
    pub(crate) fn new(settings: &Settings, copies: Copies) -> Self {
        Self { copies, topic: settings.consumer.dead_letter_topic.clone() }
    }

    /// Returns the topic for the dead letters of a topic.
    pub(crate) fn topic(&self, of: &str) -> String {
        self.topic.clone().unwrap_or_else(|| topics::dead_letters(of))
    }

    /// Makes the topics that there are not yet, each with as many partitions as the one whose dead letters it takes.
    ///
    /// # Errors
    /// A name that Kafka does not take, or a topic that is not there and that we may not make.
    pub(crate) async fn prepare(&self, admin: &dyn Admin, topics: &[(&str, Option<i32>)]) -> Result<(), Error> {
        let mut new: Vec<NewTopic> = Vec::new();
        for &(of, partitions) in topics {
            let name = self.topic(of);
            // All topics may have one topic for their dead letters, and a request names each only once.
            if !new.iter().any(|topic| topic.name == name) {
                new.push(NewTopic { name, partitions });
            }
        }
        for (name, refused) in admin.create_topics(&new).await {
            self.check_refused(admin, &name, refused).await?;
        }
        Ok(())
    }

    async fn check_refused(&self, admin: &dyn Admin, name: &str, refused: RDKafkaErrorCode) -> Result<(), Error> {
        if refused == RDKafkaErrorCode::InvalidTopic {
            let text = format!(
                "`{name}` cannot be the topic of dead letters: Kafka takes no such name; help: set `consumer.dead_letter_topic`"
            );
            return Err(Error::settings(text));
        }
        // A broker that makes topics when they are asked for, or one that cannot make them, answers here.
        if admin.partitions(name).await.is_some() {
            return Ok(());
        }
        let text = format!(
            "the topic `{name}` for dead letters is not there and cannot be made ({refused}); help: make it with \
             `eventwright topics apply`, name another one in `consumer.dead_letter_topic`, or set `consumer.on_failure` to `stop`"
        );
        Err(Error::new(Kind::Broker, text))
    }

    /// Returns the dead letter of a record of a topic, to be written in a transaction.
    pub(crate) fn unsent(&self, of: &str, record: RawRecord, history: &History) -> Unsent {
        let headers = self.copies.headers(&record, history);
        Unsent::dead_letter(self.topic(of), record, headers)
    }

    /// Writes the dead letter of a record of a topic and returns once the broker has it, however long that takes.
    ///
    /// # Errors
    /// A copy that the broker will never take, such as one that is too large.
    pub(crate) async fn write(&self, of: &str, record: &RawRecord, history: &History) -> Result<(), Error> {
        let to = Target { topic: self.topic(of), partition: None };
        self.copies.write(&to, record, history).await.map(drop)
    }
}
