//! What librdkafka has fetched, many records at a time.
//!
//! In: partitions that are begun with. Out: their records. rdkafka takes each record by itself out of the queue, with three looks
//! at the clock, two locks and an allocation, which is half of what consuming costs; librdkafka gives many at once. So the
//! partitions' queues are forwarded to one of ours, and what librdkafka tells of the group stays in the consumer's own.
//!
//! This file and `context/content.rs` have all unsafe code of the crate; what is here only calls librdkafka and reads what it gives.
#![expect(
    unsafe_code,
    reason = "measured: consuming takes a third less CPU, and rdkafka has no other way to take many records"
)]

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;
use std::task::Waker;

use futures::task::AtomicWaker;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_header_cnt, rd_kafka_header_get_all, rd_kafka_headers_t,
    rd_kafka_message_destroy, rd_kafka_message_headers, rd_kafka_message_t, rd_kafka_message_timestamp,
    rd_kafka_queue_cb_event_enable, rd_kafka_queue_destroy, rd_kafka_queue_forward, rd_kafka_queue_get_partition,
    rd_kafka_queue_new, rd_kafka_queue_t, rd_kafka_resp_err_t, rd_kafka_t, rd_kafka_timestamp_type_t,
    rd_kafka_topic_name,
};
use rdkafka::consumer::{Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, Timestamp};

use crate::broker::TopicPartition;

/// How many records are taken at once: few enough that what a change of the assignment waits for is short.
const BATCH: usize = 64;

/// The records of all partitions that are forwarded.
pub(super) struct Fetched {
    queue: NonNull<rd_kafka_queue_t>,
    /// librdkafka has its address.
    waker: Box<AtomicWaker>,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl Send for Fetched {}
// SAFETY: as above.
unsafe impl Sync for Fetched {}

impl Fetched {
    /// Returns the queue of a consumer, which must be dropped before the consumer is: librdkafka waits for the records in it.
    pub(super) fn new<C: ConsumerContext + 'static>(consumer: &StreamConsumer<C>) -> Self {
        let client = consumer.client().native_ptr();
        // SAFETY: the client is there while we have a reference to its consumer.
        let queue = NonNull::new(unsafe { rd_kafka_queue_new(client) }).expect("librdkafka has memory");
        let waker = Box::new(AtomicWaker::new());
        let opaque: *const AtomicWaker = &raw const *waker;
        // SAFETY: the queue is ours, and lets go of the waker before it is dropped.
        unsafe { rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(wake), opaque.cast_mut().cast()) };
        Self { queue, waker }
    }

    /// Takes the records of a partition from now on, until librdkafka stops fetching it.
    pub(super) fn forward<C: ConsumerContext + 'static>(
        &self,
        consumer: &StreamConsumer<C>,
        partition: &TopicPartition,
    ) {
        let Ok(topic) = CString::new(&*partition.topic) else { return };
        let client = consumer.client().native_ptr();
        // SAFETY: client and name outlast the calls, and the reference to the partition's queue is given back.
        unsafe {
            let queue = rd_kafka_queue_get_partition(client, topic.as_ptr(), partition.number);
            if !queue.is_null() {
                rd_kafka_queue_forward(queue, self.queue.as_ptr());
                rd_kafka_queue_destroy(queue);
            }
        }
    }

    /// Takes records that are there, and has the waker called when there are some again.
    pub(super) fn take<'a>(&'a self, waker: &Waker) -> Batch<'a> {
        self.waker.register(waker);
        let mut messages = [ptr::null_mut(); BATCH];
        // SAFETY: the queue is ours, and there is room for as many messages as we say.
        let count = unsafe { rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, messages.as_mut_ptr(), BATCH) };
        let left = 0..usize::try_from(count).unwrap_or(0);
        Batch { messages, left, queue: PhantomData }
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // SAFETY: the queue is ours; after the first call nobody calls the waker.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Records that were taken, in their order.
pub(super) struct Batch<'a> {
    messages: [*mut rd_kafka_message_t; BATCH],
    /// Which of them were not handed on yet.
    left: Range<usize>,
    queue: PhantomData<&'a Fetched>,
}

// SAFETY: they are records that nobody else has.
unsafe impl Send for Batch<'_> {}

impl Batch<'_> {
    pub(super) const fn empty() -> Self {
        Self { messages: [ptr::null_mut(); BATCH], left: 0..0, queue: PhantomData }
    }
}

impl<'a> Iterator for Batch<'a> {
    type Item = Result<Record<'a>, KafkaError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let message = self.messages.get(self.left.next()?).copied()?;
        NonNull::new(message).map(Record::fetched)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// librdkafka's threads call this when a record comes into the queue that was empty.
unsafe extern "C" fn wake(_: *mut rd_kafka_t, waker: *mut c_void) {
    // SAFETY: it is the queue's waker, which is there while the queue has its address.
    unsafe { &*waker.cast::<AtomicWaker>() }.wake();
}

/// A record as librdkafka has it.
pub(crate) struct Record<'a> {
    message: NonNull<rd_kafka_message_t>,
    /// Whose it is, where that is not us: it did not come out of our queue.
    polled: Option<BorrowedMessage<'a>>,
    queue: PhantomData<&'a Fetched>,
}

// SAFETY: nothing of a message changes but its headers, which are taken apart when they are first asked for; as with rdkafka's own
// message, whoever shares one sees to it that this is not done twice at once.
unsafe impl Send for Record<'_> {}
// SAFETY: as above.
unsafe impl Sync for Record<'_> {}

impl<'a> Record<'a> {
    fn fetched(message: NonNull<rd_kafka_message_t>) -> Result<Self, KafkaError> {
        let record = Self { message, polled: None, queue: PhantomData };
        match record.message().err {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(record),
            error => Err(KafkaError::MessageConsumption(error.into())),
        }
    }

    /// Returns a record that came as rdkafka gives it.
    pub(super) fn polled(message: BorrowedMessage<'a>) -> Self {
        let pointer = NonNull::new(message.ptr()).expect("rdkafka's messages are somewhere");
        Self { message: pointer, polled: Some(message), queue: PhantomData }
    }

    fn message(&self) -> &rd_kafka_message_t {
        // SAFETY: it is there as long as the record is.
        unsafe { self.message.as_ref() }
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        if self.polled.is_none() {
            // SAFETY: it came out of the queue for us alone.
            unsafe { rd_kafka_message_destroy(self.message.as_ptr()) }
        }
    }
}

impl Message for Record<'_> {
    type Headers = RecordHeaders;

    fn key(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: as librdkafka says of a message: so many bytes, or none.
        unsafe { bytes(message.key, message.key_len) }
    }

    fn payload(&self) -> Option<&[u8]> {
        let message = self.message();
        // SAFETY: as above.
        unsafe { bytes(message.payload, message.len) }
    }

    unsafe fn payload_mut(&mut self) -> Option<&mut [u8]> {
        let message = self.message();
        let payload = NonNull::new(message.payload.cast::<u8>())?;
        // SAFETY: as above, and nobody else has the record.
        Some(unsafe { slice::from_raw_parts_mut(payload.as_ptr(), message.len) })
    }

    fn topic(&self) -> &str {
        // SAFETY: a message holds its topic, whose name ends with 0.
        let name = unsafe { CStr::from_ptr(rd_kafka_topic_name(self.message().rkt)) };
        name.to_str().expect("Kafka's topics have names of ASCII")
    }

    fn partition(&self) -> i32 {
        self.message().partition
    }

    fn offset(&self) -> i64 {
        self.message().offset
    }

    fn timestamp(&self) -> Timestamp {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: both are there.
        let millis = unsafe { rd_kafka_message_timestamp(self.message.as_ptr(), &raw mut kind) };
        match kind {
            _ if millis == -1 => Timestamp::NotAvailable,
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::NotAvailable,
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(millis),
            rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::LogAppendTime(millis),
        }
    }

    fn headers(&self) -> Option<&RecordHeaders> {
        let mut headers = ptr::null_mut();
        // SAFETY: both are there; the headers are the message's own.
        let error = unsafe { rd_kafka_message_headers(self.message.as_ptr(), &raw mut headers) };
        let has_some = error == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        // SAFETY: a pointer to them is what a reference to `RecordHeaders` stands for; they last as long as the message.
        NonNull::new(headers.cast::<RecordHeaders>()).filter(|_| has_some).map(|headers| unsafe { headers.as_ref() })
    }
}

/// Returns the bytes behind a pointer, if there are some.
///
/// # Safety
/// There are so many, for as long as the result is used.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    let pointer = NonNull::new(pointer.cast_mut().cast::<u8>())?;
    // SAFETY: as the caller says.
    Some(unsafe { slice::from_raw_parts(pointer.as_ptr(), length) })
}

/// The headers of a record. There is no value of this type: its address is that of librdkafka's.
pub(crate) struct RecordHeaders(());

impl RecordHeaders {
    const fn native(&self) -> *const rd_kafka_headers_t {
        ptr::from_ref(self).cast()
    }
}

impl Headers for RecordHeaders {
    fn count(&self) -> usize {
        // SAFETY: they are librdkafka's headers.
        unsafe { rd_kafka_header_cnt(self.native()) }
    }

    /// A header whose name is not UTF-8 is left out, as one that is not there.
    fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        // SAFETY: they are librdkafka's headers, and all that it writes to is there.
        let error =
            unsafe { rd_kafka_header_get_all(self.native(), index, &raw mut name, &raw mut value, &raw mut length) };
        if error != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        // SAFETY: names end with 0, values are so long, and both last as long as the headers.
        let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, length)) };
        Some(Header { key: name.to_str().ok()?, value })
    }
}
