//! What was written before a migration is read as it was written, and becomes the newest version by hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use eventwright_codegen_tests::migration::{FareQuoted, SeatTaken, TripEnded, fare_quoted, seat_taken, trip_ended};
use eventwright_wire::avro::single_object;
use eventwright_wire::{DecodeErrorKind, Event};

/// Writes one version and reads it as another one.
fn read<W: Event, R: Event>(written: &W) -> Result<R, eventwright_wire::DecodeError> {
    let mut bytes = Vec::new();
    written.encode(&mut bytes).unwrap();
    let writer = R::WRITERS.iter().position(|one| one.version == W::SCHEMA.version);
    R::decode(writer.expect("the version is read"), &bytes)
}

fn versions<E: Event>() -> Vec<u32> {
    E::WRITERS.iter().map(|writer| writer.version).collect()
}

#[test]
fn every_older_version_becomes_the_newest_one_by_the_chain() {
    let expected = |currency: &str| FareQuoted { trip: 7, cents: 1250, currency: currency.into() };
    let v1 = fare_quoted::v1::FareQuoted { trip: "7".into(), fare: "12.50".into() };
    assert_eq!(read::<_, FareQuoted>(&v1).unwrap(), expected("EUR"));
    let v2 = fare_quoted::v2::FareQuoted { trip: "7".into(), cents: 1250 };
    assert_eq!(read::<_, FareQuoted>(&v2).unwrap(), expected("EUR"));
    let v3 = fare_quoted::v3::FareQuoted { trip: "7".into(), cents: 1250, currency: "USD".into() };
    assert_eq!(read::<_, FareQuoted>(&v3).unwrap(), expected("USD"));
    assert_eq!(read::<_, FareQuoted>(&expected("CHF")).unwrap(), expected("CHF"));
    let mut framed = Vec::new();
    single_object::encode(&v1, &mut framed).unwrap();
    assert_eq!(single_object::decode::<FareQuoted>(&framed).unwrap(), expected("EUR"));
}

#[test]
fn a_protobuf_message_is_read_by_its_own_version_too() {
    let v1 = seat_taken::v1::SeatTaken { seat: "12C".into() };
    let expected = SeatTaken { row: 12, letter: "C".into(), window: false };
    assert_eq!(read::<_, SeatTaken>(&v1).unwrap(), expected);
    let v2 = seat_taken::v2::SeatTaken { row: 12, letter: "C".into() };
    assert_eq!(read::<_, SeatTaken>(&v2).unwrap(), expected);
}

#[test]
fn a_value_without_a_place_in_the_newer_version_is_an_error_of_the_migration() {
    let v1 = fare_quoted::v1::FareQuoted { trip: "7".into(), fare: "much".into() };
    let error = read::<_, FareQuoted>(&v1).unwrap_err();
    assert_eq!(error.kind(), &DecodeErrorKind::Migration("the fare is no number".into()));
}

/// A version reads what no migration parts from it, and the newest one what is migrated as well.
#[test]
fn nobody_reads_across_a_migration_but_the_newest() {
    assert_eq!(versions::<FareQuoted>(), [4, 1, 2, 3]);
    assert_eq!(versions::<fare_quoted::v3::FareQuoted>(), [2, 3]);
    assert_eq!(versions::<fare_quoted::v2::FareQuoted>(), [2]);
    assert_eq!(versions::<SeatTaken>(), [2, 3, 1]);
    assert_eq!(versions::<seat_taken::v1::SeatTaken>(), [1]);
    assert_eq!(versions::<TripEnded>(), [2], "v1 is retired: it needs no migration");
    assert_eq!(versions::<trip_ended::v1::TripEnded>(), [1]);
}
