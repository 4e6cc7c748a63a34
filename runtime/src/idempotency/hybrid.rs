//! Redis in front of a compacted topic: claims hold across processes, and marks survive the loss of Redis's memory.

use std::time::Duration;

use super::{Answer, Claim, DedupeStore, EventKey, Owner, RedisStore, TopicStore};

/// Redis in front of a compacted topic: Redis knows who has an event in hand in any process, the topic what was handled,
/// whatever becomes of Redis. While Redis is down, records wait.
#[derive(Debug)]
pub struct HybridStore {
    redis: RedisStore,
    topic: TopicStore,
}

impl HybridStore {
    /// Returns a store of both.
    #[must_use]
    pub fn new(redis: RedisStore, topic: TopicStore) -> Self {
        Self { redis, topic }
    }
}

impl DedupeStore for HybridStore {
    fn open<'a>(&'a self, group: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            self.redis.open(group).await?;
            self.topic.open(group).await
        })
    }

    fn claim<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, Claim> {
        Box::pin(async move {
            let claim = self.redis.claim(key, owner).await?;
            if claim == Claim::Duplicate || !self.topic.is_done(key).await? {
                return Ok(claim);
            }
            // Redis has forgotten, or somebody died between the two marks.
            self.redis.done(key).await?;
            Ok(Claim::Duplicate)
        })
    }

    fn done<'a>(&'a self, key: &'a EventKey) -> Answer<'a, ()> {
        Box::pin(async move {
            self.topic.done(key).await?;
            // The topic answers for what Redis is not told: the claim expires, and the next one is compared with the topic.
            if let Err(error) = self.redis.done(key).await {
                tracing::debug!(%error, "an event is marked in the topic alone");
            }
            Ok(())
        })
    }

    fn release<'a>(&'a self, key: &'a EventKey, owner: Owner) -> Answer<'a, ()> {
        self.redis.release(key, owner)
    }

    fn claim_ttl(&self) -> Duration {
        self.redis.claim_ttl()
    }

    fn partitions_assigned(&self) {
        self.topic.partitions_assigned();
    }
}
