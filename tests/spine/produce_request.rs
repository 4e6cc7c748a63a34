//! A record as no client library writes one: Kafka's own Produce request, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::World;

/// Writes one record into partition 0 of a topic, whose headers may have any bytes as names.
pub(crate) async fn produce(world: &World, topic: &str, (key, value): (&[u8], &[u8]), headers: &[(&[u8], &[u8])]) {
    let topic = format!("{}{topic}", world.prefix);
    let batch = batch(&record(key, value, headers));
    let mut request = Vec::new();
    request.extend([0, 0, 0, 3]); // Produce, version 3
    request.extend(7_i32.to_be_bytes()); // the number that the answer carries
    request.extend((-1_i16).to_be_bytes()); // no client id
    request.extend((-1_i16).to_be_bytes()); // no transactional id
    request.extend((-1_i16).to_be_bytes()); // acks of all replicas
    request.extend(10_000_i32.to_be_bytes());
    request.extend(1_i32.to_be_bytes()); // topics
    request.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
    request.extend(topic.as_bytes());
    request.extend(1_i32.to_be_bytes()); // partitions
    request.extend(0_i32.to_be_bytes());
    request.extend(i32::try_from(batch.len()).unwrap().to_be_bytes());
    request.extend(batch);
    let answer = tokio::time::timeout(Duration::from_secs(30), ask(&world.settings.bootstrap, &request)).await;
    // The number, one topic with its name, one partition with its index; then the error.
    let error_at = 4 + 4 + 2 + topic.len() + 4 + 4;
    assert_eq!(answer.unwrap()[error_at..error_at + 2], [0, 0], "the broker takes the record");
}

async fn ask(bootstrap: &str, request: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(bootstrap).await.unwrap();
    connection.write_all(&u32::try_from(request.len()).unwrap().to_be_bytes()).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut answer = vec![0; connection.read_u32().await.unwrap() as usize];
    connection.read_exact(&mut answer).await.unwrap();
    answer
}

/// A record batch, version 2, of one record.
fn batch(record: &[u8]) -> Vec<u8> {
    let mut checked = Vec::new();
    checked.extend(0_i16.to_be_bytes()); // attributes
    checked.extend(0_i32.to_be_bytes()); // the last record's number
    checked.extend(1_700_000_000_000_i64.to_be_bytes()); // the first timestamp
    checked.extend(1_700_000_000_000_i64.to_be_bytes()); // the last one
    checked.extend((-1_i64).to_be_bytes()); // no producer id
    checked.extend((-1_i16).to_be_bytes()); // no epoch
    checked.extend((-1_i32).to_be_bytes()); // no sequence
    checked.extend(1_i32.to_be_bytes()); // records
    checked.extend(record);
    let mut batch = Vec::new();
    batch.extend(0_i64.to_be_bytes()); // the first offset
    batch.extend(i32::try_from(4 + 1 + 4 + checked.len()).unwrap().to_be_bytes());
    batch.extend((-1_i32).to_be_bytes()); // the leader's epoch
    batch.push(2);
    batch.extend(crc32c(&checked).to_be_bytes());
    batch.extend(checked);
    batch
}

fn record(key: &[u8], value: &[u8], headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = vec![0, 0, 0]; // attributes, and how far its timestamp and its offset are from the first ones
    let mut text = |bytes: &[u8]| {
        varint(bytes.len(), &mut body);
        body.extend(bytes);
    };
    text(key);
    text(value);
    varint(headers.len(), &mut body);
    for (name, value) in headers {
        for bytes in [name, value] {
            varint(bytes.len(), &mut body);
            body.extend(*bytes);
        }
    }
    let mut record = Vec::new();
    varint(body.len(), &mut record);
    record.extend(body);
    record
}

/// Appends a number as Kafka does: zigzag, seven bits a byte.
fn varint(number: usize, out: &mut Vec<u8>) {
    let mut rest = number << 1;
    let seven_bits = |of: usize| u8::try_from(of & 0x7f).unwrap();
    while rest > 0x7f {
        out.push(seven_bits(rest) | 0x80);
        rest >>= 7;
    }
    out.push(seven_bits(rest));
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
